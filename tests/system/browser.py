"""Chromium, driven by Debian's chromedriver."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Iterator

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--window-size=900,600", "--no-proxy-server",
]
SCRIPTS_OFF = {"profile.managed_default_content_settings.javascript": 2}


@contextlib.contextmanager
def chromium(scripts: bool = True) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own; downloads go to a folder that is removed."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in [*ARGUMENTS, f"--user-data-dir={folder}/profile"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option("prefs", {
            "download.default_directory": folder, **({} if scripts else SCRIPTS_OFF)})
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            yield driver
        finally:
            driver.quit()

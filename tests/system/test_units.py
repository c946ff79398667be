"""The files for a service manager, as `make install` left them."""

from __future__ import annotations

import configparser
import glob
import os
import re
import shutil
import stat
import subprocess

import pytest

import accounts
import running
from running import RunningSite

LISTENERS = {  # socket unit: service, name, owner, group, mode
    "nbhook-http": ("nbhookd", "http", "nbhook", "www-data", "0660"),
    "nbhook-admin": ("nbhookd", "admin", "nbhook", "nbhook", "0660"),
    "nbhook-runner": ("nbhook-runner", "runner", "nbhook", "nbhook", "0600"),
    "nbhook-fcgi": ("nbhook-fcgi@1", "fcgi", "www-data", "www-data", "0660"),
    "nbhook-api": ("nbhook-api@1", "api", "www-data", "www-data", "0660"),
}
ACCOUNTS = {"nbhookd": "nbhook", "nbhook-runner": "nbhook-run", "nbhook-fcgi@": "www-data",
            "nbhook-api@": "www-data"}
POOLS = [f"nbhook-{pool}@{number}.service" for pool in ("fcgi", "api") for number in (1, 2)]
FOLDERS = {  # owner, group, mode
    "/run/nbhook": ("root", "root", 0o755),
    "/run/nbhook/k": ("nbhook-run", "nbhook-run", 0o700),
    "/run/nbhook/j": ("nbhook", "nbhook", 0o700),
    "/var/lib/nbhook": ("nbhook", "nbhook", 0o711),
    "/var/lib/nbhook/pipeline_executions": ("nbhook", "nbhook", 0o711),
    "/var/lib/nbhook/versions": ("nbhook", "nbhook", 0o700),
    "/var/lib/nbhook/production": ("nbhook", "nbhook-run", 0o3770),
}


@pytest.fixture(scope="module")
def prefix() -> str:
    return running.installed_prefix()


def unit_folder(prefix: str) -> str:
    return os.path.join(prefix, "lib/systemd/system")


def unit(prefix: str, name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    assert parser.read(os.path.join(unit_folder(prefix), re.sub("@[0-9]", "@", name)))
    return parser


def test_systemd_finds_nothing_wrong_with_the_units(prefix):
    names = sorted(os.listdir(unit_folder(prefix)))
    assert names == sorted([f"{name}.socket" for name in LISTENERS]
                           + [f"{name}.service" for name in ACCOUNTS])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(os.path.join(unit_folder(prefix), name)
                                                    for name in names)],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{unit_folder(prefix)}:"})
    about_ours = [line for line in (done.stdout + done.stderr).splitlines() if "nbhook" in line]
    assert about_ours == []
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["nbhook-fcgi@1.service", "nbhook-api@1.service"])
def test_a_restart_waits_for_the_longest_call(prefix, name):
    assert int(unit(prefix, name)["Service"]["TimeoutStopSec"]) > 3600  # the most that response_limit can be


def test_the_readme_enables_what_accepts_calls_and_what_resumes_them(prefix):
    """After a boot accepted jobs go on by themselves, so the two services start without a call."""
    with open(os.path.join(running.TOP, "README"), encoding="utf-8") as file:
        words = re.search(r"systemctl enable --now((?:[^\n]*\\\n)*[^\n]*)", file.read())[1]
    enabled = words.replace("\\", "").split()
    assert set(enabled) == {*(f"{name}.socket" for name in LISTENERS),
                            "nbhookd.service", "nbhook-runner.service", *POOLS}
    for name in enabled:
        assert unit(prefix, name)["Install"]["WantedBy"]


def test_below_usr_local_python_finds_the_module(prefix):
    found = glob.glob(f"{prefix}/lib/python3*/*-packages/naas/__init__.py")
    assert len(found) == 1
    folder = os.path.dirname(os.path.dirname(found[0])).replace(prefix, "/usr/local")
    paths = subprocess.run(["/usr/bin/python3", "-I", "-c", "import sys; print(*sys.path, sep='\\n')"],
                           check=True, capture_output=True, text=True).stdout.split("\n")
    assert folder in paths


@pytest.mark.parametrize("name", LISTENERS)
def test_sockets_are_those_of_quickstart(prefix, name):
    service, listener, owner, group, mode = LISTENERS[name]
    socket = unit(prefix, f"{name}.socket")["Socket"]
    assert socket["ListenStream"] == f"/run/nbhook/{listener}.sock"
    assert socket["FileDescriptorName"] == listener
    assert (socket["SocketUser"], socket["SocketGroup"], socket["SocketMode"]) == (owner, group, mode)
    assert socket["Service"] == f"{service}.service"
    assert f"{name}.socket" in unit(prefix, f"{service}.service")["Service"]["Sockets"].split()


@pytest.mark.parametrize("name", ACCOUNTS)
def test_services_run_installed_programs_as_their_accounts(prefix, name):
    service = unit(prefix, f"{name}.service")["Service"]
    assert service["User"] == ACCOUNTS[name]
    assert service["ExecStart"].startswith(prefix) and os.access(service["ExecStart"], os.X_OK)
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"


def test_no_stop_or_crash_ends_a_playing_executor(prefix):
    runner = unit(prefix, "nbhook-runner.service")["Service"]
    assert (runner["KillMode"], runner["SendSIGKILL"]) == ("process", "no")
    assert runner["OOMPolicy"] == "continue"
    for name in ACCOUNTS:
        section = unit(prefix, f"{name}.service")["Unit"]
        assert not {"BindsTo", "PartOf"} & set(section)
        assert not re.search(r"\.service", section["Requires"])


def test_the_runner_may_make_namespaces(prefix):
    runner = unit(prefix, "nbhook-runner.service")["Service"]
    assert not {"RestrictNamespaces", "ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc",
                "ProcSubset", "PrivateUsers", "RestrictSUIDSGID"} & set(runner)


@pytest.fixture
def other_root(prefix, open_folder):
    """A folder that sysusers and tmpfiles take for the root of a host."""
    if os.geteuid() != 0:
        pytest.skip("only root can make accounts and folders of other accounts")
    for name in ("etc", "run", "var/lib", "usr/lib"):
        os.makedirs(os.path.join(open_folder, name))
    for name in ("passwd", "group"):
        with open(os.path.join(open_folder, "etc", name), "w", encoding="ascii") as file:
            file.write({"passwd": "root:x:0:0::/root:/bin/sh\n"
                                  "www-data:x:33:33::/var/www:/usr/sbin/nologin\n",
                        "group": "root:x:0:\nwww-data:x:33:\n"}[name])
    for name in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(os.path.join(prefix, "lib", name), os.path.join(open_folder, "usr/lib", name))
    subprocess.run(["systemd-sysusers", f"--root={open_folder}"], check=True, capture_output=True)
    return open_folder


def groups_of(root: str) -> dict[str, list[str]]:
    with open(os.path.join(root, "etc/group"), encoding="ascii") as file:
        rows = [line.strip().split(":") for line in file]
    return {row[0]: [name for name in row[3].split(",") if name] for row in rows}


def test_sysusers_makes_the_accounts_of_quickstart(other_root):
    groups = groups_of(other_root)
    assert groups == {"root": [], "www-data": ["nbhook"], "nbhook": [], "nbhook-run": ["nbhook"]}
    with open(os.path.join(other_root, "etc/passwd"), encoding="ascii") as file:
        shells = {row[0]: row[6] for row in (line.strip().split(":") for line in file)}
    assert shells["nbhook"] == shells["nbhook-run"] == "/usr/sbin/nologin"


def test_tmpfiles_makes_the_folders(other_root):
    accounts.ensure()
    with open(os.path.join(other_root, "etc/passwd"), encoding="ascii") as file:
        users = {row[0]: int(row[2]) for row in (line.split(":") for line in file)}
    with open(os.path.join(other_root, "etc/group"), encoding="ascii") as file:
        groups = {row[0]: int(row[2]) for row in (line.split(":") for line in file)}
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={other_root}"], check=True,
                   capture_output=True)
    for path, (owner, group, mode) in FOLDERS.items():
        info = os.stat(other_root + path)
        found = (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode))
        assert found == (users[owner], groups[group], mode), path


def test_the_nginx_files_are_whole_and_name_the_product_s_paths(prefix, open_folder):
    """nginx takes them as a host's configuration would include them."""
    etc = os.path.join(prefix, "etc/nginx")
    shutil.copytree(etc, os.path.join(open_folder, "etc"))
    who = accounts.find()
    temporary = "".join(f"{kind}_temp_path {open_folder}/{kind};\n" for kind in (
        "client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
    with open(os.path.join(open_folder, "etc/nginx.conf"), "w", encoding="utf-8") as file:
        file.write(f"{'user ' + who.web + ';' if who.separate else ''}\npid {open_folder}/pid;\n"
                   f"events {{}}\nhttp {{\n{temporary}access_log off;\ninclude conf.d/*.conf;\n"
                   "server { listen 127.0.0.1:1; include snippets/nbhook-site.conf; } }\n")
    for root, _, names in os.walk(os.path.join(open_folder, "etc")):
        for name in names:
            with open(os.path.join(root, name), "r+", encoding="utf-8") as file:
                text = file.read()
                assert not re.search(r"@\w+@", text), name
                file.seek(0)
                # /var/log/nginx is not an ordinary user's.
                file.write(text.replace("/var/log/nginx", open_folder + "/etc"))
                file.truncate()
    done = subprocess.run(["/usr/sbin/nginx", "-t", "-e", f"{open_folder}/error.log", "-c",
                           f"{open_folder}/etc/nginx.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(etc, "snippets/nbhook-site.conf"), encoding="utf-8") as file:
        text = file.read()
    assert "unix:/run/nbhook/fcgi.sock" in text and "/var/lib/nbhook/pipeline_executions/" in text


@pytest.mark.parametrize("setting, value, said", [
    ("web_group", "no-such-group", 'there is no group "no-such-group" (setting web_group)'),
    ("run_group", "no-such-group", 'there is no group "no-such-group" (setting run_group)'),
    ("state_dir", "/no/such/folder", "there is no folder /no/such/folder (setting state_dir)"),
    ("run_dir", "/no/such/folder", "there is no folder /no/such/folder (setting run_dir)"),
    ("run_dir", "{long}", "is longer than 92 bytes: no socket fits below it")])
def test_a_check_looks_for_what_the_settings_name(
        site: RunningSite, open_folder: str, setting: str, value: str, said: str) -> None:
    long = os.path.join(open_folder, 100 * "x")
    os.mkdir(long)
    with open(site.layout.conf, encoding="utf-8") as file:
        text = file.read()
    conf = os.path.join(open_folder, "nbhook.conf")
    for changed, code in ((text, 0), (re.sub(rf"(?m)^{setting} = .*", f"{setting} = {value.format(long=long)}", text), 2)):
        with open(conf, "w", encoding="utf-8") as file:
            file.write(changed)
        done = subprocess.run([os.path.join(site.layout.prefix, "sbin/nbhookd"), "--config", conf, "--check"],
                              capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    assert said in done.stderr

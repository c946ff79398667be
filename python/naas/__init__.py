"""Publish notebooks as webhooks, and answer from inside them.

    import naas

    naas.webhook.add()                        # publishes this notebook, returns its URL
    naas.webhook.respond_json({"foo": "bar"})  # what a caller of the URL gets

Importing this module does nothing but define names: it reads no file, opens no connection and
imports neither IPython nor pandas, because every production run begins with it.
"""

from .environment import __version__, is_production, n_env
from .errors import NaasError, NotOfferedError
from .offer import NotOffered
from .webhook import Webhook

webhook = Webhook()
api = webhook


def version() -> None:
    """Print the version of this module."""
    print(__version__)


# What else the original package defines: names that exist, and say so when they are called.
asset = NotOffered("naas.asset")
assets = NotOffered("naas.assets")
callback = NotOffered("naas.callback")
dependency = NotOffered("naas.dependency")
notification = NotOffered("naas.notification")
scheduler = NotOffered("naas.scheduler")
secret = NotOffered("naas.secret")
auto_update = NotOffered("naas.auto_update")
bug_report = NotOffered("naas.bug_report")
changelog = NotOffered("naas.changelog")
close_help = NotOffered("naas.close_help")
doc = NotOffered("naas.doc")
feature_request = NotOffered("naas.feature_request")
get_download_url = NotOffered("naas.get_download_url")
get_last_version = NotOffered("naas.get_last_version")
get_remote_timezone = NotOffered("naas.get_remote_timezone")
get_size = NotOffered("naas.get_size")
manager = NotOffered("naas.manager")
move_job = NotOffered("naas.move_job")
open_help = NotOffered("naas.open_help")
reload_jobs = NotOffered("naas.reload_jobs")
remote_connect = NotOffered("naas.remote_connect")
run = NotOffered("naas.run")
set_remote_timezone = NotOffered("naas.set_remote_timezone")
up_to_date = NotOffered("naas.up_to_date")
update = NotOffered("naas.update")

__all__ = ["NaasError", "NotOfferedError", "api", "asset", "dependency", "is_production", "n_env",
           "notification", "scheduler", "secret", "version", "webhook"]

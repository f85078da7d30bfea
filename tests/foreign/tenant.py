"""The rehearsal tenant of `cargo playbook serve`, and the foreign client's modules set up for it."""

import re
import subprocess
import sys
import threading

import saltext.jumpcloud.modules.jumpcloud_mod as client
import saltext.jumpcloud.utils.jumpcloud_mod as utils

API_KEY = "jca_rehearsal_0123456789abcdef"
SERVICE_ACCOUNT = ("sa_rehearsal", "rehearsal_secret_0123456789")


class Served:
    """`cargo playbook serve` on free ports, until it is closed."""

    def __init__(self):
        command = ["cargo", "playbook", "serve", "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.console = None
        for line in self.process.stderr:
            sys.stderr.write(line)
            if found := re.search(r"JUMPCLOUD_API_URL=(http\S+)/api", line):
                self.console = found.group(1)
                break
        if self.console is None:
            raise RuntimeError("cargo playbook serve ended without naming the tenant's address")
        # What it logs from here on is read, so that it never waits for one.
        self.reader = threading.Thread(target=self.process.stderr.read)
        self.reader.start()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def by_key(self):
        return self._use({"api_key": API_KEY})

    def by_service_account(self, secret=SERVICE_ACCOUNT[1]):
        token_url = f"{self.console}/oauth2/token"
        utils._TOKEN_CACHE.clear()
        return self._use({"client_id": SERVICE_ACCOUNT[0], "client_secret": secret, "oauth_token_url": token_url})

    def _use(self, credentials):
        """The client's configuration: its functions look it up by this name."""
        profile = {"console_url": self.console, "retries": 0, **credentials}
        client.__salt__ = {"config.get": lambda name: profile}
        return utils.normalize_config(profile)

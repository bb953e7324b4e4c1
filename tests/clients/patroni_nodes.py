# SPDX-License-Identifier: MIT
"""patroni_nodes.py -- PostgreSQL under Patroni, which keeps its leader's key, and its whole picture of the cluster, in etcd."""
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from members import ENVIRONMENT, needed
from nodes import WITH_PARENT
from ports import free_ports

SCOPE = "town"
# The least that Patroni takes; how long a dead leader's key stays.
TTL_SECONDS = 20
# PostgreSQL refuses to run as root.
AS_POSTGRES = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []


def program_of_postgres(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [needed(name, "postgresql")]
    return found[-1]


class Folder:
    """A folder that the user postgres may enter and write, unlike those that pytest makes."""

    def __init__(self):
        needed("patroni", "patroni")
        self.path = tempfile.mkdtemp(prefix="decree-patroni-")
        if AS_POSTGRES:
            user = pwd.getpwnam("postgres")
            os.chown(self.path, user.pw_uid, user.pw_gid)

    def remove(self):
        shutil.rmtree(self.path)


class PatroniNode:
    def __init__(self, name, folder, endpoints):
        self.name = name
        self.data = os.path.join(folder.path, name)
        self.config = os.path.join(folder.path, name + ".yml")
        self.log = os.path.join(folder.path, name + ".log")
        self.rest_port, self.port = free_ports(2)
        self.process = None
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.configuration(folder, endpoints), file)  # all JSON is YAML

    def configuration(self, folder, endpoints):
        accounts = {kind: {"username": name, "password": "secret"}
                    for kind, name in (("superuser", "postgres"), ("replication", "replicator"))}
        return {
            "scope": SCOPE, "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest_port}", "connect_address": f"127.0.0.1:{self.rest_port}"},
            "etcd3": {"hosts": endpoints.split(",")},
            "bootstrap": {
                "dcs": {"ttl": TTL_SECONDS, "loop_wait": 2, "retry_timeout": 5, "postgresql": {"use_pg_rewind": True}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "pg_hba": ["host replication replicator 127.0.0.1/32 md5", "host all all 127.0.0.1/32 md5"]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}", "connect_address": f"127.0.0.1:{self.port}", "data_dir": self.data,
                "bin_dir": os.path.dirname(program_of_postgres("pg_ctl")), "pgpass": self.data + ".pgpass",
                "authentication": accounts,
                "parameters": {"unix_socket_directories": folder.path, "shared_buffers": "16MB"}}}

    def start(self):
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*WITH_PARENT, *AS_POSTGRES, "patroni", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=os.path.dirname(self.data), env=ENVIRONMENT)

    def kill(self):
        """Patroni first, so that it does not start PostgreSQL again; PostgreSQL's own processes follow their first."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
                os.kill(int(file.readline()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def answers(self, path):
        """Patroni's own word on health, as a load balancer asks for it."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest_port}/{path}", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def sql(self, text):
        """What a query returns, a line for each row; or None if it could not be done."""
        environment = {**ENVIRONMENT, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGDATABASE": "postgres",
                       "PGUSER": "postgres", "PGPASSWORD": "secret", "PGCONNECT_TIMEOUT": "5"}
        done = subprocess.run([program_of_postgres("psql"), "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", text],
                              capture_output=True, text=True, timeout=60, env=environment)
        return done.stdout.strip() if done.returncode == 0 else None

    def patronictl(self, *words):
        done = subprocess.run([needed("patronictl", "patroni"), "-c", self.config, *words], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def listed(self):
        """What `patronictl list` shows: name, (role, state)."""
        return {row["Member"]: (row["Role"], row["State"]) for row in json.loads(self.patronictl("list", "-f", "json"))}

    def print_log(self):
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8", errors="replace") as file:
                print(f"--- {self.name}:\n" + file.read()[-8000:])

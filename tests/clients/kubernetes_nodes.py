# SPDX-License-Identifier: MIT
"""kubernetes_nodes.py -- Kubernetes' API server and its controllers, which keep all that they know in etcd; no machine runs
anything for them."""
import http.client
import json
import os
import ssl
import subprocess

from members import ENVIRONMENT, needed
from nodes import WITH_PARENT
from ports import free_ports

TOKEN = "open-sesame"
CONFIGMAPS = "/api/v1/namespaces/town/configmaps"


def compiled(name):
    path = os.path.join(os.environ["KUBERNETES"], name)
    assert os.path.exists(path), f"{path} is made by tests/clients/kubernetes_build, which `make slow` runs"
    return path


class Program:
    def __init__(self, folder, name, arguments):
        self.name, self.folder, self.process = name, folder, None
        self.log = os.path.join(folder, name + ".log")
        self.command = [*WITH_PARENT, compiled(name), *arguments]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=ENVIRONMENT)

    def restart(self):
        self.kill()
        self.start()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def text_of_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def print_log(self):
        if os.path.exists(self.log):
            print(f"--- {self.name}:\n" + self.text_of_log()[-5000:])


class Kubernetes:
    def __init__(self, folder, members):
        self.folder = folder
        self.port, controllers_port = free_ports(2)
        self.config = self.write("kubeconfig", json.dumps(self.configuration()))
        tokens = self.write("tokens", f"{TOKEN},admin,admin,system:masters\n")
        key = os.path.join(folder, "key")
        subprocess.run([needed("openssl", "openssl"), "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        endpoints = ",".join(f"http://{node.endpoint}" for node in members.nodes)
        self.server = Program(folder, "kube-apiserver", [
            "--etcd-servers", endpoints, "--bind-address", "127.0.0.1", "--secure-port", str(self.port), "--cert-dir", "server",
            "--token-auth-file", tokens, "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24",
            "--service-account-issuer", "https://town", "--service-account-key-file", key,
            "--service-account-signing-key-file", key])
        self.controllers = Program(folder, "kube-controller-manager", [
            "--kubeconfig", self.config, "--authentication-kubeconfig", self.config, "--authorization-kubeconfig", self.config,
            "--service-account-private-key-file", key, "--use-service-account-credentials", "--bind-address", "127.0.0.1",
            "--secure-port", str(controllers_port), "--port", "0", "--cert-dir", "controllers"])

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def configuration(self):
        server = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        return {"apiVersion": "v1", "kind": "Config", "current-context": "town",
                "clusters": [{"name": "town", "cluster": server}], "users": [{"name": "admin", "user": {"token": TOKEN}}],
                "contexts": [{"name": "town", "context": {"cluster": "town", "user": "admin"}}]}

    def kubectl_command(self, *arguments):
        return [compiled("kubectl"), "--kubeconfig", self.config, "--cache-dir", os.path.join(self.folder, "cache"), *arguments]

    def kubectl(self, *arguments, objects=None):
        """What it prints. objects, if there are any, are its input."""
        done = subprocess.run(self.kubectl_command(*arguments), input=objects and json.dumps(objects), capture_output=True,
                              text=True, timeout=180, env=ENVIRONMENT)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def watching(self, kind, path):
        """A kubectl that writes the names of what changes to the file."""
        with open(path, "wb") as file:
            return subprocess.Popen([*WITH_PARENT, *self.kubectl_command("-n", "town", "get", kind, "-w", "-o", "name")],
                                    stdin=subprocess.DEVNULL, stdout=file, env=ENVIRONMENT)

    def ask(self, method, path, message=None):
        """The status, or None if it was not heard of."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=ssl._create_unverified_context())
        try:
            connection.request(method, path, message and json.dumps(message), {"Authorization": f"Bearer {TOKEN}",
                                                                               "Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self):
        return self.ask("GET", "/readyz") == 200

    def create(self, name):
        return self.ask("POST", CONFIGMAPS, configmap(name)) == 201

    def close(self):
        self.controllers.kill()
        self.server.kill()

    def print_logs(self):
        self.controllers.print_log()
        self.server.print_log()


def configmap(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"of": name}}


def definition():
    """Of a kind of object that Kubernetes does not have by itself."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "streets.town.example"},
            "spec": {"group": "town.example", "scope": "Namespaced",
                     "names": {"plural": "streets", "singular": "street", "kind": "Street"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}


def street(name):
    return {"apiVersion": "town.example/v1", "kind": "Street", "metadata": {"name": name}}

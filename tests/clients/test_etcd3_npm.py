# SPDX-License-Identifier: MIT
"""test_etcd3_npm.py -- etcd3, the client that programs on Node use, fetched from npm; the tests are in etcd3_npm.js."""
import os
import subprocess

from members import ENVIRONMENT, needed

VERSION = "1.1.2"
HERE = os.path.dirname(os.path.abspath(__file__))


def test_etcd3_of_npm(members, tmp_path):
    node, npm = needed("node", "nodejs"), needed("npm", "npm")
    done = subprocess.run([npm, "install", "--prefix", str(tmp_path), "--ignore-scripts", "--no-audit", "--no-fund",
                           f"etcd3@{VERSION}"], capture_output=True, text=True, timeout=300, env=ENVIRONMENT)
    assert done.returncode == 0, f"npm could not fetch etcd3, and this test needs it:\n{done.stdout}{done.stderr}"
    done = subprocess.run([node, "--test-reporter=spec", os.path.join(HERE, "etcd3_npm.js")], text=True, timeout=500,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**ENVIRONMENT, "NODE_PATH": str(tmp_path / "node_modules"), "ENDPOINTS": members.endpoints})
    print(done.stdout)
    assert done.returncode == 0

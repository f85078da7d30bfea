"""The Lambda function that one would write in Python to suspend a JumpCloud user: a baseline of the benchmark.

It makes the same calls as `disable-user`, one after another, with one session and one secret per process. It lacks what
is not needed for a fair comparison: retries, alert formats, batches, most refusals and the full outcome.
"""

import json
import os
import re

import boto3
import requests

API = os.environ["JUMPCLOUD_API_URL"]
TIMEOUT = 10

secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["JUMPCLOUD_SECRET_ID"])["SecretString"]
session = requests.Session()
session.headers["x-api-key"] = secret
# Opens the connection, as the function it is compared with does.
session.head(API, timeout=TIMEOUT, allow_redirects=False)


def call(method, path, body=None):
    response = session.request(method, API + path, json=body, timeout=TIMEOUT, allow_redirects=False)
    response.raise_for_status()
    return response.json()


def search(collection, conditions, limit):
    body = {"filter": {"or": conditions}, "limit": limit, "skip": 0, "sort": "_id"}
    return call("POST", f"/search/{collection}", body)["results"]


def handler(event, context):
    name = event["username"]
    found = search("systemusers", [{"username": {"$regex": f"(?i)(^{re.escape(name)}$)"}}], 10)
    if len(found) != 1 or found[0]["username"].lower() != name.lower():
        raise LookupError(f"{len(found)} users are called {name}; nothing was done")
    user = found[0]
    if user.get("admin"):
        raise PermissionError(f"{name} is linked to an administrator; nothing was done")
    before = user["state"]
    if before != "SUSPENDED":
        call("PUT", f"/systemusers/{user['_id']}", {"state": "SUSPENDED", "suspended": True})
        user = call("GET", f"/systemusers/{user['_id']}")
    bound = call("GET", f"/v2/users/{user['_id']}/systems?limit=100&skip=0")
    systems = search("systems", [{"_id": system["id"]} for system in bound], 100) if bound else []
    advisories = [
        {"code": "WINDOWS_HOME_STAYS_LOGGED_IN", "host_id": system["_id"]}
        for system in systems
        if system["os"] == "Windows" and "Home" in system["version"]
    ]
    advisories += [{"code": "DEVICE_OFFLINE", "host_id": system["_id"]} for system in systems if not system["active"]]
    outcome = {
        "playbook": "disable-user",
        "status": "unchanged" if before == "SUSPENDED" else "succeeded",
        "changed": before != "SUSPENDED",
        "verified": user["state"] == "SUSPENDED",
        "before": {"state": before},
        "after": {"state": user["state"]},
        "advisories": advisories,
    }
    print(json.dumps({"message": "done", "request_id": context.aws_request_id, "target_id": user["_id"]}))
    return outcome

"""What a program with the Kubernetes client for Python does; says `ok` at the end, or how it failed."""
import sys
import threading
import time

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

kubeconfig, namespace, image = sys.argv[1:]
config.load_kube_config(kubeconfig)
core = client.CoreV1Api()
custom = client.CustomObjectsApi()
labels = {"app": "python"}
rest = "echo from python; trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done"


def equal(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} instead of {wanted!r}")


def refused(what, status, reason, call):
    """The error is one that a program can read."""
    try:
        call()
    except ApiException as error:
        body = client.ApiClient().deserialize(_Body(error.body), "V1Status")
        equal(what, (error.status, body.code, body.reason), (status, status, reason))
        return
    sys.exit(f"{what}: not refused")


class _Body:
    def __init__(self, data):
        self.data = data


def until(what, probe):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"after a minute still not: {what}")


def config_maps():
    seen = []

    def follow(version):
        events = watch.Watch().stream(
            core.list_namespaced_config_map,
            namespace,
            label_selector="app=python",
            resource_version=version,
            timeout_seconds=60,
        )
        for event in events:
            seen.append((event["type"], event["object"].data["a"]))
            if event["type"] == "DELETED":
                return

    start = core.list_namespaced_config_map(namespace, label_selector="app=python")
    equal("at first", start.items, [])
    follower = threading.Thread(target=follow, args=[start.metadata.resource_version], daemon=True)
    follower.start()
    meta = client.V1ObjectMeta(name="settings", labels=labels)
    body = client.V1ConfigMap(metadata=meta, data={"a": "1"})
    created = core.create_namespaced_config_map(namespace, body)
    refused(
        "a name that is taken", 409, "AlreadyExists",
        lambda: core.create_namespaced_config_map(namespace, body),
    )
    patched = core.patch_namespaced_config_map("settings", namespace, {"data": {"a": "2"}})
    equal("the patch", patched.data, {"a": "2"})
    refused(
        "an old version", 409, "Conflict",
        lambda: core.replace_namespaced_config_map("settings", namespace, created),
    )
    listed = core.list_namespaced_config_map(namespace, label_selector="app=python")
    equal("the list", [item.metadata.name for item in listed.items], ["settings"])
    core.delete_namespaced_config_map("settings", namespace)
    follower.join(60)
    equal("the watch", seen, [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")])
    refused(
        "what is gone", 404, "NotFound",
        lambda: core.read_namespaced_config_map("settings", namespace),
    )
    wrong = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="Not A Name"))
    refused(
        "a bad name", 422, "Invalid", lambda: core.create_namespaced_config_map(namespace, wrong)
    )


def workload():
    kind = ("berth.dev", "v1", namespace, "workloads")
    container = {"name": "main", "image": image, "command": ["sh", "-c", rest]}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    body = {
        "apiVersion": "berth.dev/v1",
        "kind": "Workload",
        "metadata": {"name": "python"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    custom.create_namespaced_custom_object(*kind, body)
    patched = custom.patch_namespaced_custom_object(*kind, "python", {"spec": {"replicas": 1}})
    equal("replicas", patched["spec"]["replicas"], 1)
    listed = custom.list_namespaced_custom_object(*kind)
    equal("the workloads", [item["metadata"]["name"] for item in listed["items"]], ["python"])

    def running():
        found = core.list_namespaced_pod(namespace, label_selector="app=python").items
        return next((pod for pod in found if pod.status.phase == "Running"), None)

    name = until("its pod runs", running).metadata.name
    said = until("it has said something", lambda: core.read_namespaced_pod_log(name, namespace))
    equal("the log", said, "from python\n")
    streams(name)
    custom.delete_namespaced_custom_object(*kind, "python")
    until(
        "its pod is gone",
        lambda: not core.list_namespaced_pod(namespace, label_selector="app=python").items,
    )


def streams(name):
    """Over a WebSocket."""
    command = ["sh", "-c", "read line; echo out $line; echo err >&2; exit 3"]
    session = stream(
        core.connect_get_namespaced_pod_exec, name, namespace, command=command,
        stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
    )
    session.write_stdin("hello\n")
    session.run_forever(timeout=60)
    told = (session.read_stdout(), session.read_stderr(), session.returncode)
    equal("exec", told, ("out hello\n", "err\n", 3))


config_maps()
workload()
print("ok")

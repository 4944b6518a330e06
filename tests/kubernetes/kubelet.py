# SPDX-License-Identifier: MIT
"""A kubelet, as far as a device plugin sees one: it takes registrations, follows each plugin's list of devices, lets it
allocate, and says which pods have which devices."""

import concurrent.futures
import threading
import time

import grpc

from api import PLUGIN, PODS, REGISTRATION, Client, messages, serve


class Kubelet:
    def __init__(self, folder):
        self.plugins = folder / "device-plugins"
        pods = folder / "pod-resources"
        self.plugins.mkdir()
        pods.mkdir()
        self.changed = threading.Condition()
        self.clients, self.lists, self.registered, self.pods = {}, {}, {}, {}
        self.told = set()  # the pods that somebody has asked for
        self.executor = concurrent.futures.ThreadPoolExecutor(8)
        self.servers = [serve(REGISTRATION, self, self.plugins / "kubelet.sock", self.executor),
                        serve(PODS, self, pods / "kubelet.sock", self.executor)]

    def Register(self, request, _):
        self.registered[request.resource_name] = request
        threading.Thread(target=self.follow, args=(request.resource_name, request.endpoint), daemon=True).start()
        return messages.Empty()

    def follow(self, resource, endpoint):
        client = Client(PLUGIN, self.plugins / endpoint)
        client.GetDevicePluginOptions(messages.Empty(), wait_for_ready=True, timeout=30)
        self.clients[resource] = client
        try:
            for answer in client.ListAndWatch(messages.Empty()):
                with self.changed:
                    self.lists.setdefault(resource, []).append({device.id: device.health for device in answer.devices})
                    self.changed.notify_all()
        except (grpc.RpcError, ValueError):
            pass  # the plugin has ended
        with self.changed:
            self.lists.setdefault(resource, []).append(None)
            self.changed.notify_all()

    def List(self, *_):
        answer = messages.ListPodResourcesResponse()
        for name, (resource, device) in dict(self.pods).items():
            container = answer.pod_resources.add(name=name, namespace="default").containers.add(name="main")
            container.devices.add(resource_name=resource, device_ids=[device])
            with self.changed:
                self.told.add(name)
                self.changed.notify_all()
        return answer

    def wait(self, resource, condition):
        """Until the plugin's last list, {device: health}, meets the condition."""
        deadline = time.monotonic() + 60
        with self.changed:
            while not (self.lists.get(resource) and self.lists[resource][-1] is not None
                       and condition(self.lists[resource][-1])):
                left = deadline - time.monotonic()
                assert left > 0 and self.changed.wait(left), f"{resource}: {self.lists.get(resource, [])[-2:]}"
            return self.lists[resource][-1]

    def start_pod(self, name, resource, device):
        """Its container's part of the reply to Allocate."""
        request = messages.AllocateRequest()
        request.container_requests.add(device_ids=[device])
        answer = self.clients[resource].Allocate(request, timeout=60)
        self.pods[name] = resource, device
        return answer.container_responses[0]

    def end_pod(self, name):
        """A plugin frees only what it has seen in use, and it asks now and then: no pod is that short."""
        with self.changed:
            assert self.changed.wait_for(lambda: name in self.told, 60), f"nobody asks for {name}"
        del self.pods[name]

    def close(self):
        for client in self.clients.values():
            client.close()
        for server in self.servers:
            server.stop(None).wait()
        self.executor.shutdown()

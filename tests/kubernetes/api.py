# SPDX-License-Identifier: MIT
"""What a kubelet and a device plugin say to each other: the device plugin API v1beta1 and the pod resources API v1, as far
as they are needed here, in a description of our own."""

import types

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# {message: fields, numbered from 1}: name and type; * for repeated.
MESSAGES = {
    "v1beta1": {
        "Empty": (),
        "DevicePluginOptions": ("pre_start_required bool", "get_preferred_allocation_available bool"),
        "RegisterRequest": ("version string", "endpoint string", "resource_name string", "options DevicePluginOptions"),
        "Device": ("id string", "health string"),
        "ListAndWatchResponse": ("devices *Device",),
        "ContainerAllocateRequest": ("device_ids *string",),
        "AllocateRequest": ("container_requests *ContainerAllocateRequest",),
        "Env": ("key string", "value string"),
        "Mount": ("container_path string", "host_path string", "read_only bool"),
        "DeviceSpec": ("container_path string", "host_path string", "permissions string"),
        "ContainerAllocateResponse": ("envs *Env", "mounts *Mount", "devices *DeviceSpec"),
        "AllocateResponse": ("container_responses *ContainerAllocateResponse",),
    },
    "v1": {
        "ListPodResourcesRequest": (),
        "ContainerDevices": ("resource_name string", "device_ids *string"),
        "ContainerResources": ("name string", "devices *ContainerDevices"),
        "PodResources": ("name string", "namespace string", "containers *ContainerResources"),
        "ListPodResourcesResponse": ("pod_resources *PodResources",),
    },
}
SCALARS = {"bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL, "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING}

REGISTRATION = "v1beta1.Registration"
PLUGIN = "v1beta1.DevicePlugin"
PODS = "v1.PodResourcesLister"
# {service: {method: (request, response, whether it answers with a stream)}}
SERVICES = {
    REGISTRATION: {"Register": ("RegisterRequest", "Empty", False)},
    PLUGIN: {
        "GetDevicePluginOptions": ("Empty", "DevicePluginOptions", False),
        "ListAndWatch": ("Empty", "ListAndWatchResponse", True),
        "Allocate": ("AllocateRequest", "AllocateResponse", False),
    },
    PODS: {"List": ("ListPodResourcesRequest", "ListPodResourcesResponse", False)},
}


def add_field(message, package, number, text):
    name, kind = text.split()
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if kind[0] == "*" else field.LABEL_OPTIONAL
    kind = kind.lstrip("*")
    if kind in SCALARS:
        field.type = SCALARS[kind]
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"


def classes():
    pool = descriptor_pool.DescriptorPool()
    for package, messages in MESSAGES.items():
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        for name, fields in messages.items():
            message = file.message_type.add(name=name)
            for number, text in enumerate(fields, 1):
                add_field(message, package, number, text)
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"{package}.{name}"))
            for package, messages in MESSAGES.items() for name in messages}


CLASSES = classes()
messages = types.SimpleNamespace(**CLASSES)


def serve(service, owner, socket, executor):
    """A server on a Unix socket; the methods are those of owner that have their names."""
    handlers = {}
    for method, (request, response, streams) in SERVICES[service].items():
        kind = grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        handlers[method] = kind(getattr(owner, method), request_deserializer=CLASSES[request].FromString,
                                response_serializer=CLASSES[response].SerializeToString)
    server = grpc.server(executor)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    return server


class Client:
    """Calls the methods of a service on a Unix socket."""

    def __init__(self, service, socket):
        self.service = service
        self.channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)])

    def __getattr__(self, method):
        request, response, streams = SERVICES[self.service][method]
        kind = self.channel.unary_stream if streams else self.channel.unary_unary
        return kind(f"/{self.service}/{method}", request_serializer=CLASSES[request].SerializeToString,
                    response_deserializer=CLASSES[response].FromString)

    def close(self):
        self.channel.close()

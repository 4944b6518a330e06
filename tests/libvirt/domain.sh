#!/bin/bash
# SPDX-License-Identifier: MIT
# domain.sh QEMU_ROOT: inside `apus run`, as root, a libvirtd with its default mount namespaces for domains. One domain
# starts, another one fails to start. Its images and logs would be in the computer's /var.
set -eu
root=$1
work=$(mktemp -d /tmp/domain.XXXXXX)
for dir in /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
    test -d $dir && mount -t tmpfs tmpfs $dir
done

loader=$(find "$root/usr/lib64" "$root/usr/lib" -maxdepth 1 -name 'ld-linux*' -print -quit)
libraries=$(find "$root/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu' -print -quit)
cat > "$work/qemu" << SHIM
#!/bin/sh
exec $loader --library-path $libraries:$root/usr/lib $root/usr/bin/qemu-system-s390x -L $root/usr/share/qemu "\$@"
SHIM
chmod 755 "$work" "$work/qemu"
mkdir "$work/drivers"
ln -s /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so "$work/drivers"
export LIBVIRT_DRIVER_DIR=$work/drivers
# Without the users and the log daemon of the package libvirt-daemon-system; namespaces are the default.
printf '%s\n' 'user = "root"' 'group = "root"' 'stdio_handler = "file"' 'security_driver = "none"' > /etc/libvirt/qemu.conf
printf '%s\n' 'listen_tls = 0' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' 'unix_sock_group = "root"' > "$work/libvirtd.conf"
setpriv --pdeathsig KILL libvirtd -f "$work/libvirtd.conf" > "$work/log" 2>&1 &
for _ in {1..1200}; do
    virsh -q -c qemu:///system list > "$work/list" 2>&1 && break
    sleep 0.05
done
virsh() { command virsh -q -c qemu:///system "$@" 2>&1; }

# describe NAME ARGUMENT: a domain whose QEMU gets an additional argument.
describe() {
    local more="<qemu:commandline><qemu:arg value='$2'/></qemu:commandline>"
    cat > "$work/$1.xml" << XML
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$1</name><memory unit='MiB'>64</memory><os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os>
  <cpu mode='maximum'/>
  <devices><emulator>$work/qemu</emulator><memballoon model='none'/><console type='pty'/></devices>
  ${2:+$more}
</domain>
XML
}
describe good ""
describe bad -no-such-option
virsh define "$work/good.xml" && virsh start --paused good && virsh domstate good
pid=$(cat /run/libvirt/qemu/good.pid)
test "$(readlink /proc/self/ns/mnt)" != "$(readlink "/proc/$pid/ns/mnt")" && echo "a namespace of its own"
virsh define "$work/bad.xml"
virsh start bad | grep -o 'error: Failed to start domain.*' || echo "bad has started"
virsh destroy good
rm -rf /dev/.host/* "$work"

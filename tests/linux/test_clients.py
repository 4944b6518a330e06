# SPDX-License-Identifier: MIT
"""A distribution's packaged programs that use adapters: libica, openCryptoki, ibmca for OpenSSL, the kernel's hwrng.

They run unmodified in a real guest, with the packages that `apus linux fetch --package` adds. Their results are
verified by OpenSSL's own software in the same guest.
"""

import concurrent.futures
import re
import subprocess
import time

import pytest

from conftest import LINUX, said, wait_until
from machine import APUS, Guest, running

PACKAGES = ["libica-utils", "opencryptoki", "openssl-ibmca", "openssl", "opensc", "libc-bin"]
TEXT = """
[machine]
abi = upstream
domains = 4,0x47
control-domains = 4

[adapter 5]
type = CEX7A

[adapter 6]
type = CEX7C

[adapter 7]
type = CEX7P
"""
UUID = "69aa1a8a-0000-4000-8000-000000000001"
LIBRARIES = "/usr/lib/s390x-linux-gnu"
# ibmca is an engine of OpenSSL up to trixie, and a provider in later packages.
ENGINE, PROVIDER = f"{LIBRARIES}/openssl-1.0.2/engines/libibmca.so", f"{LIBRARIES}/ossl-modules/ibmca-provider.so"
PIN, SO_PIN = "1234567", "7654321"
# Not the curves of NIST, which the CPU or OpenSSL itself may compute.
CURVES = ["secp224r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"]

# The work of the maintainer scripts of opencryptoki and openssl-ibmca, and a message.
PREPARE = f"""
echo pkcs11:x:114:root,pkcsslotd >>/etc/group
echo pkcsslotd:x:114:114::/run/opencryptoki:/bin/false >>/etc/passwd
mkdir -p /run/opencryptoki /run/lock/opencryptoki/lite
chown pkcsslotd:pkcs11 /run/opencryptoki
chown -R root:pkcs11 /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki /etc/opencryptoki
chmod 710 /run/opencryptoki
chmod -R 770 /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki
chmod 640 /etc/opencryptoki/strength.conf
cat >/etc/opencryptoki/opencryptoki.conf <<END
version opencryptoki-3.23
slot 1
{{
stdll = libpkcs11_ica.so
tokversion = 3.12
}}
END
if [ -e {PROVIDER} ]; then
    cat >/root/ibmca.cnf <<END
config_diagnostics = 1
openssl_conf = conf
[conf]
providers = all
alg_section = algorithms
[all]
default = own
ibmca = adapters
[own]
activate = 1
[adapters]
identity = ibmca
module = {PROVIDER}
activate = 1
[algorithms]
default_properties = ?provider=ibmca
END
else
    cat >/root/ibmca.cnf <<END
openssl_conf = conf
[conf]
engines = engines
[engines]
ibmca = ibmca
[ibmca]
dynamic_path = {ENGINE}
engine_id = ibmca
default_algorithms = RSA,EC
init = 1
END
fi
cd /root
echo 'a message' >message
openssl genrsa -out key2048 2048 2>/dev/null
for curve in {" ".join(CURVES)}; do
    openssl ecparam -name $curve -genkey -noout -out $curve 2>/dev/null
    openssl ec -in $curve -pubout -out $curve.public 2>/dev/null
done
"""
TOKEN = f"pkcs11-tool --module {LIBRARIES}/pkcs11/libopencryptoki.so --slot 1 --login --pin {PIN}"


def which_packages():
    """Those whose versions matter, with their suite."""
    listed = subprocess.run([LINUX / "fetch", "--list"], capture_output=True, text=True, check=True).stdout
    listed = listed.partition("\npackages:\n")[2]
    names = ("libica4", "opencryptoki", "openssl-ibmca", "openssl")
    return ", ".join(re.search(rf"^  ({name}_[^_]+)_s390x.deb (\(\w+\))", listed, re.M).expand(r"\1 \2") for name in names)


@pytest.fixture(scope="module")
def packages(cache):
    words = [word for name in PACKAGES for word in ("--package", name)]
    done = subprocess.run([APUS, "linux", "fetch", "--kernel", cache, *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("the clients' packages cannot be had: " + done.stderr.strip().splitlines()[-1])
    said.append("the packages are " + which_packages())


@pytest.fixture(scope="module")
def guest(cache, packages, place):
    with running(place / "clients", TEXT, "-4,-0x47") as machine:
        mdev = machine.mdev(UUID).create((5, 6, 7), (4, 0x47), (4,))
        guest = Guest(machine, "Clients", mdev, "--packages", "--kernel", cache)
        guest.exec("sh", input=PREPARE)
        yield guest
        machine.apus("guest", "stop", "Clients")


@pytest.fixture(autouse=True)
def as_it_was(guest):
    """Starts with all counters at 0, and leaves every card online and without faults."""
    guest.sh("icastats -r")
    yield
    guest.machine.apus("fault", "remove", "all")
    guest.sh("chzcrypt -e 05 06 07")


@pytest.fixture(scope="module")
def token(guest):
    """openCryptoki's ICA token with a user and an RSA key (ID 01)."""
    guest.sh(f"""pkcsslotd
        until pkcsconf -t >/dev/null 2>&1; do sleep 0.1; done
        printf '87654321\\napus\\n' | pkcsconf -c 1 -I
        pkcsconf -c 1 -P -S 87654321 -n {SO_PIN}
        pkcsconf -c 1 -u -S {SO_PIN} -n 87654321
        pkcsconf -c 1 -p -U 87654321 -n {PIN}""")
    make_key(guest, "rsa:2048", "01")
    return guest


def make_key(guest, kind, key):
    guest.sh(f"cd /root; {TOKEN} --keypairgen --key-type {kind} --id {key}")
    guest.sh(f"cd /root; {TOKEN} --read-object --type pubkey --id {key} --output-file public{key}")


def has_software(guest):
    """Whether libica falls back to software. It has none since 4.4."""
    version = guest.sh(f"basename $(readlink -f {LIBRARIES}/libica.so.4)").removeprefix("libica.so.")
    return tuple(map(int, version.split("."))) < (4, 4)


def requests(guest, card):
    return int(guest.sh(f"cat /sys/bus/ap/devices/card{card}/request_count"))


def counted(guest, row):
    """icastats' counters of a row: (hardware, software)."""
    found = re.search(rf"^ *{row} \|([ \d]+)\|([ \d]+)$", guest.sh("icastats"), re.M)
    return tuple(sum(map(int, part.split())) for part in found.groups())


def dynamic(guest, program, row):
    """Whether libica would use an adapter for this."""
    found = re.search(rf"^ *{row} \| +(yes|no) +\|", guest.sh(program), re.M)
    return found.group(1) == "yes"


def sign_often(guest, times):
    """Signs that often by ibmca, each time in a new process, and returns OpenSSL's verdicts."""
    return guest.sh(f"""cd /root
        for i in $(seq {times}); do
            OPENSSL_CONF=/root/ibmca.cnf openssl dgst -sha256 -sign key2048 -out often message
            openssl dgst -sha256 -prverify key2048 -signature often message
        done""").splitlines()


def sign_with_token(guest):
    guest.sh(f"cd /root; {TOKEN} --sign --mechanism SHA512-RSA-PKCS --id 01 --input-file message --output-file signature")
    assert guest.sh("cd /root; openssl dgst -sha512 -verify public01 -keyform der -signature signature message") == "Verified OK"


def test_packages_need_memory(guest, cache):
    done = guest.machine.apus("guest", "start", "Small", "--linux", "--packages", "--kernel", cache, "--memory", "64",
                              check=False)
    assert done.returncode == 1 and re.search(r"the guest needs --memory \d+ or more", done.stderr)
    assert list(guest.machine.guests()) == ["Clients"]


@pytest.mark.parametrize("program", ["icainfo", "icainfo-cex"])
def test_libica_knows_which_adapters_are_online(guest, program):
    curves = ["ECDH", "ECDSA Sign", "ECDSA Verify", "EC Keygen"]
    assert all(dynamic(guest, program, row) for row in ["RSA ME", "RSA CRT", *curves])
    guest.sh("chzcrypt -d 06")
    assert dynamic(guest, program, "RSA CRT") and not any(dynamic(guest, program, row) for row in curves)
    guest.sh("chzcrypt -d 05")
    assert not dynamic(guest, program, "RSA ME") and not dynamic(guest, program, "RSA CRT")


@pytest.mark.parametrize("bits", [512, 1024, 2048, 3072, 4096])
def test_ibmca_signs_with_the_accelerator(guest, bits):
    before = requests(guest, "05")
    key = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, text=True, check=True).stdout
    assert guest.sh("""cd /root
        cat >key
        OPENSSL_CONF=/root/ibmca.cnf openssl dgst -sha256 -sign key -out signature message
        openssl dgst -sha256 -prverify key -signature signature message""", input=key) == "Verified OK"
    hardware, software = (sum(counts) for counts in zip(counted(guest, "RSA-ME"), counted(guest, "RSA-CRT")))
    assert hardware >= 1 and software == 0
    assert requests(guest, "05") >= before + hardware


@pytest.mark.parametrize("rule", [
    "05.* 3 busy", "05.* 2 bad-reply length", "05.* 2 bad-reply short", "05.* 3 bad-reply code=0x10",
    "05.* 1 bad-reply type", "05.* 2 delay 300ms", "*.* 2 deconfigured"])
def test_a_fault_costs_no_signature(guest, rule):
    guest.machine.apus("fault", "add", rule)
    assert sign_often(guest, 4) == ["Verified OK"] * 4
    assert guest.machine.ask("fault", "list")["hits"] > 0
    guest.machine.apus("fault", "remove", "all")
    guest.sh("chzcrypt -d 05; chzcrypt -e 05")  # zcrypt took the queue offline after a malformed reply
    guest.sh("icastats -r")
    assert sign_often(guest, 1) == ["Verified OK"]
    assert counted(guest, "RSA-ME")[0] + counted(guest, "RSA-CRT")[0] >= 1


def test_an_adapter_that_comes_and_goes_costs_no_signature(guest):
    before = requests(guest, "06")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        signing = pool.submit(sign_often, guest, 12)
        for word in ("off", "on", "off", "on", "off"):
            time.sleep(1)
            guest.machine.apus("se", "adapter", "5", word)
        assert signing.result() == ["Verified OK"] * 12
    assert requests(guest, "06") > before
    guest.machine.apus("se", "adapter", "5", "on")
    wait_until(lambda: guest.sh("cat /sys/bus/ap/devices/card05/config") == "1")


def test_the_ica_token_is_there(token):
    shown = token.sh("pkcsconf -t -c 1")
    assert re.search(r"Label: apus\b", shown) and re.search(r"Model: ICA\b", shown)
    mechanisms = token.sh("pkcsconf -m -c 1")
    assert "CKM_RSA_PKCS" in mechanisms and "CKM_SHA512_RSA_PKCS" in mechanisms


def test_the_ica_token_signs_and_decrypts_with_the_accelerator(token):
    before = requests(token, "05")
    sign_with_token(token)
    assert counted(token, "RSA-CRT") == (1, 0)
    token.sh(f"""cd /root
        openssl rand 50 >secret
        openssl pkeyutl -encrypt -pubin -inkey public01 -keyform der -in secret -out encrypted
        {TOKEN} --decrypt --mechanism RSA-PKCS --id 01 --input-file encrypted --output-file decrypted
        cmp secret decrypted""")
    assert counted(token, "RSA-CRT") == (2, 0)
    assert requests(token, "05") >= before + 2


def test_without_the_accelerator_the_cca_coprocessor_computes(token):
    token.sh("chzcrypt -d 05")
    before = requests(token, "05"), requests(token, "06")
    sign_with_token(token)
    assert counted(token, "RSA-CRT") == (1, 0)
    assert requests(token, "05") == before[0] and requests(token, "06") > before[1]


def test_without_any_adapter_software_computes(token):
    """That of libica before 4.4, and that of openCryptoki otherwise, which libica does not count."""
    token.sh("chzcrypt -d 05 06")
    sign_with_token(token)
    assert counted(token, "RSA-CRT") == (0, 1 if has_software(token) else 0)


def test_the_ica_token_makes_and_uses_a_key_of_a_curve_on_the_cca_coprocessor(token):
    """With SHA-512, which the emulated CPU has; libica 4.4 computes no other hash there."""
    before = requests(token, "06")
    make_key(token, "EC:brainpoolP320r1", "03")
    assert counted(token, "EC Keygen") == (1, 0) and requests(token, "06") > before
    assert "brainpoolP320r1" in token.sh("cd /root; openssl pkey -pubin -inform der -in public03 -noout -text")
    token.sh(f"""cd /root; {TOKEN} --sign --mechanism ECDSA-SHA512 --signature-format openssl --id 03 \\
        --input-file message --output-file signature""")
    assert token.sh("cd /root; openssl dgst -sha512 -verify public03 -keyform der -signature signature message") == "Verified OK"
    assert counted(token, "ECDSA Sign") == (1, 0)
    token.sh(f"""cd /root
        openssl ecparam -name brainpoolP320r1 -genkey -noout -out other
        openssl ec -in other -pubout -outform der -out other.public 2>/dev/null
        {TOKEN} --derive --mechanism ECDH1-DERIVE --id 03 --input-file other.public --output-file secret
        openssl pkeyutl -derive -inkey other -peerkey public03 -peerform der -out same
        cmp secret same""")
    assert counted(token, "ECDH") == (1, 0)


@pytest.mark.parametrize("curve_name", CURVES)
def test_ibmca_signs_with_a_curve_on_the_cca_coprocessor(guest, curve_name):
    before = requests(guest, "06")
    assert guest.sh(f"""cd /root
        OPENSSL_CONF=/root/ibmca.cnf openssl dgst -sha512 -sign {curve_name} -out signature message
        openssl dgst -sha512 -prverify {curve_name} -signature signature message""") == "Verified OK"
    assert guest.sh(f"""cd /root
        OPENSSL_CONF=/root/ibmca.cnf openssl dgst -sha512 -verify {curve_name}.public -signature signature message""") == "Verified OK"
    assert counted(guest, "ECDSA Sign") == (1, 0)
    assert requests(guest, "06") > before


@pytest.mark.parametrize("curve_name", CURVES)
def test_ibmca_agrees_on_a_secret_on_the_cca_coprocessor(guest, curve_name):
    before = requests(guest, "06")
    guest.sh(f"""cd /root
        openssl ecparam -name {curve_name} -genkey -noout -out other
        openssl ec -in other -pubout -out other.public 2>/dev/null
        OPENSSL_CONF=/root/ibmca.cnf openssl pkeyutl -derive -inkey {curve_name} -peerkey other.public -out secret
        openssl pkeyutl -derive -inkey other -peerkey {curve_name}.public -out same
        cmp secret same""")
    assert counted(guest, "ECDH") == (1, 0)
    assert requests(guest, "06") > before


def test_the_kernel_takes_random_numbers_from_the_cca_coprocessor(guest):
    assert guest.sh("cat /sys/class/misc/hw_random/rng_current") == "zcrypt"
    before = requests(guest, "06")
    sums = [guest.sh("head -c 10000 /dev/hwrng >/root/random; wc -c </root/random; md5sum </root/random") for _ in "12"]
    assert all(text.startswith("10000\n") for text in sums) and sums[0] != sums[1]
    assert requests(guest, "06") >= before + 4  # each request gets 4096 bytes
    guest.sh("chzcrypt -d 06")
    # The kernel first uses up what it has already fetched.
    wait_until(lambda: guest.exec("sh", "-c", "head -c 10000 /dev/hwrng >/root/random", check=False).returncode != 0)
    guest.sh("chzcrypt -e 06; head -c 100 /dev/hwrng >/root/random")


def test_the_kernel_shows_what_firmware_says(guest):
    card, queue = "/sys/bus/ap/devices/card07", "/sys/bus/ap/devices/07.0047"
    assert guest.sh(f"cat {card}/API_ordinalnr {card}/FW_version").split() == ["4", "7.21"]
    assert re.fullmatch(r"WK CUR: valid 0x[0-9a-f]{64}\nWK NEW: empty -", guest.sh(f"cat {queue}/mkvps"))
    assert "FIPS2011" in guest.sh(f"cat {queue}/op_modes")
    assert re.search(r"^AES CUR: valid 0x[0-9a-f]{16}$", guest.sh("cat /sys/bus/ap/devices/06.0047/mkvps"), re.M)

"""A seccomp filter, after which this process can compute and use the descriptors it has.

It can't reach any file, socket, process or signal any more, whatever code a hostile picture
runs. It is an allow-list (seccomp(2), ``Documentation/userspace-api/seccomp_filter.rst`` of
Linux); any other system call fails with EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from typing import Final

# name: (x86_64, aarch64), from the kernel's tables; None where the machine has no such call.
ALLOWED: Final[dict[str, tuple[int | None, int]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, 73),  # ppoll on aarch64
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
    "rseq": (334, 293),
}

PR_SET_NO_NEW_PRIVS: Final = 38
PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
RET_ALLOW: Final = 0x7FFF0000
RET_KILL_PROCESS: Final = 0x80000000
RET_ERRNO: Final = 0x00050000
LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
NUMBER_OFFSET: Final = 0  # of seccomp_data.nr
MACHINE_OFFSET: Final = 4  # of seccomp_data.arch
MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # AUDIT_ARCH_*


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def prctl(option: int, *arguments: object) -> None:
    """Linux's prctl(2).

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    if libc.prctl(option, *padded) != 0:
        number = ctypes.get_errno()
        raise OSError(number, errno.errorcode.get(number, str(number)))


def confine() -> bool:
    """Install the filter on this process permanently.

    Returns:
        False where that is impossible: another system, another machine than x86_64 and aarch64,
        or a kernel (or container) that refuses filters.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    code = _filter(*MACHINES[platform.machine()])
    program = _Program(len(code) // 8, code)
    try:
        prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
        prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program))
    except OSError:
        return False
    return True


def _filter(column: int, machine: int) -> bytes:
    """Build the program: calls of another architecture kill, listed ones pass, others get EPERM."""
    numbers = [n for row in ALLOWED.values() if (n := row[column]) is not None]
    lines = [
        (LOAD, 0, 0, MACHINE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, machine),
        (RETURN, 0, 0, RET_KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_OFFSET),
        *((JUMP_IF_EQUAL, len(numbers) - i, 0, n) for i, n in enumerate(numbers)),
        (RETURN, 0, 0, RET_ERRNO | errno.EPERM),
        (RETURN, 0, 0, RET_ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)

"""A file is written whole or not at all, and one writer at a time gets the lock."""

import os
import subprocess
import sys

import pytest

from kg.errors import StoreError
from kg.storage.durable import lock, write_at, write_whole


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    write_whole(path, lambda file: file.write(b"first"))

    def fail(file):
        file.write(b"half of the seco")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, lambda file: file.write(b"second"))
    assert path.read_bytes() == b"second"


def test_the_end_of_a_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"kept, torn")
    write_at(path, 6, b"and new")
    assert path.read_bytes() == b"kept, and new"
    with pytest.raises(FileNotFoundError):
        write_at(tmp_path / "none", 0, b"")


FULL = """
import pathlib, resource, sys
from kg.storage.durable import write_at, write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = pathlib.Path(sys.argv[1])
for write in (lambda: write_at(path, 4, b"x" * 5000), lambda: write_whole(path, lambda f: f.write(b"y" * 5000))):
    try:
        write()
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"kept")
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n" * 2
    assert path.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [path]


def test_the_lock_is_held_until_it_is_closed(tmp_path):
    held = lock(tmp_path / "lock", 0)
    with pytest.raises(StoreError, match=f"locked by process {os.getpid()}; wait"):
        lock(tmp_path / "lock", 0)
    held.close()
    lock(tmp_path / "lock", 0).close()

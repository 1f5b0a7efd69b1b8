from opsctl.daemon.private import is_private


def test_only_a_directory_of_ones_own_that_others_cannot_write_to_is_private(tmp_path):
    own, shared, link = tmp_path / "own", tmp_path / "shared", tmp_path / "link"
    own.mkdir(mode=0o700)
    shared.mkdir()
    shared.chmod(0o777)
    link.symlink_to(own)
    (tmp_path / "file").touch(mode=0o600)

    assert is_private(own)
    assert not is_private(shared)
    assert not is_private(link)
    assert not is_private(tmp_path / "file")
    assert not is_private(tmp_path / "missing")

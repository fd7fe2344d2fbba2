"""A run ends between scans: when asked to, in time, or when too much has failed."""

from lodbrain_cli.batch.limits import Limits


def test_no_scan_is_begun_that_might_not_be_done_in_time():
    now = [100.0]
    limits = Limits(60, clock=lambda: now[0])
    assert not limits.reason
    now[0] = 125.0
    limits.ended(100.0, failed=False)  # it took 25 s
    assert not limits.reason
    now[0] = 134.0
    assert not limits.reason, "26 s are left"
    now[0] = 136.0
    assert limits.reason == "the time limit is near"


def test_a_limit_of_failures_counts_failures_alone():
    limits = Limits(max_failures=2)
    limits.ended(0, failed=True)
    limits.ended(0, failed=False)
    assert not limits.reason
    limits.ended(0, failed=True)
    assert limits.reason.startswith("2 scans failed")


def test_the_first_reason_asked_for_stays():
    limits = Limits()
    limits.ask("terminated")
    limits.ask("again")
    assert limits.reason == "terminated"

"""Faults: servers killed, disks filled, power cut, connections dropped. Each test counts what was lost: nothing."""

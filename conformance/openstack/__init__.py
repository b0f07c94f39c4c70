"""A small real OpenStack on this machine, to test and to try Coppice with: ``python -m conformance.openstack up``."""

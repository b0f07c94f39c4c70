"""Servers that really run: a host of the test cloud with libvirt and QEMU, its wires, an image and metadata."""

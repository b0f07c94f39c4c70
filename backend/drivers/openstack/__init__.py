"""An OpenStack cloud: Nova, Neutron and Glance behind the ports, Keystone for who acts and asks. Enter by cloud.py."""

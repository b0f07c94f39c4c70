"""Storage and accelerated families: i, d, h, g, p, inf and trn. The form of a line is told in flavors.py."""

from __future__ import annotations

FAMILIES = """
i2: Intel x86_64 2.5 xen 2 previous
  xlarge=4,31232,Moderate,disk=800  2xlarge=8,62464,High,disk=1600  4xlarge=16,124928,High,disk=3200
  8xlarge=32,249856,10G,disk=6400
i3: Intel x86_64 2.3 xen 2
  large=2,15616,<10G,disk=475  xlarge=4,31232,<10G,disk=950  2xlarge=8,62464,<10G,disk=1900
  4xlarge=16,124928,<10G,disk=3800  8xlarge=32,249856,10G,disk=7600  16xlarge=64,499712,25G,disk=15200
i3en: Intel x86_64 3.1 nitro 2
  large=2,16384,<25G,disk=1250  xlarge=4,32768,<25G,disk=2500  2xlarge=8,65536,<25G,disk=5000
  3xlarge=12,98304,<25G,disk=7500  6xlarge=24,196608,25G,disk=15000  12xlarge=48,393216,50G,disk=30000
  24xlarge=96,786432,100G,disk=60000  metal=96,786432,100G,disk=60000
i4i: Intel x86_64 3.5 nitro 2
  large=2,16384,<10G,disk=468  xlarge=4,32768,<10G,disk=937  2xlarge=8,65536,<12G,disk=1875
  4xlarge=16,131072,<25G,disk=3750  8xlarge=32,262144,18.75G,disk=7500  12xlarge=48,393216,28.12G,disk=11250
  16xlarge=64,524288,37.5G,disk=15000  24xlarge=96,786432,56.25G,disk=22500  32xlarge=128,1048576,75G,disk=30000
  metal=128,1048576,75G,disk=30000
i4g: AWS arm64 2.5 nitro 1
  large=2,16384,<10G,disk=468  xlarge=4,32768,<10G,disk=937  2xlarge=8,65536,<12G,disk=1875
  4xlarge=16,131072,<25G,disk=3750  8xlarge=32,262144,18.75G,disk=7500  16xlarge=64,524288,37.5G,disk=15000
im4gn: AWS arm64 2.5 nitro 1
  large=2,8192,<25G,disk=937  xlarge=4,16384,<25G,disk=1875  2xlarge=8,32768,<25G,disk=3750
  4xlarge=16,65536,25G,disk=7500  8xlarge=32,131072,50G,disk=15000  16xlarge=64,262144,100G,disk=30000
is4gen: AWS arm64 2.5 nitro 1
  medium=1,6144,<25G,disk=937  large=2,12288,<25G,disk=1875  xlarge=4,24576,<25G,disk=3750
  2xlarge=8,49152,<25G,disk=7500  4xlarge=16,98304,25G,disk=15000  8xlarge=32,196608,50G,disk=30000
d2: Intel x86_64 2.4 xen 2 previous
  xlarge=4,31232,Moderate,disk=6144  2xlarge=8,62464,High,disk=12288  4xlarge=16,124928,High,disk=24576
  8xlarge=36,249856,10G,disk=49152
d3: Intel x86_64 3.1 nitro 2
  xlarge=4,32768,<15G,disk=5940  2xlarge=8,65536,<15G,disk=11880  4xlarge=16,131072,<15G,disk=23760
  8xlarge=32,262144,25G,disk=47520
d3en: Intel x86_64 3.1 nitro 2
  xlarge=4,16384,<25G,disk=27960  2xlarge=8,32768,<25G,disk=55920  4xlarge=16,65536,25G,disk=111840
  6xlarge=24,98304,40G,disk=167760  8xlarge=32,131072,50G,disk=223680  12xlarge=48,196608,75G,disk=335520
h1: Intel x86_64 2.3 xen 2
  2xlarge=8,32768,<10G,disk=2000  4xlarge=16,65536,<10G,disk=4000  8xlarge=32,131072,10G,disk=8000
  16xlarge=64,262144,25G,disk=16000
g4dn: Intel x86_64 2.5 nitro 2
  xlarge=4,16384,<25G,disk=125  2xlarge=8,32768,<25G,disk=225  4xlarge=16,65536,<25G,disk=225
  8xlarge=32,131072,50G,disk=900  12xlarge=48,196608,50G,disk=900  16xlarge=64,262144,50G,disk=900
  metal=96,393216,100G,disk=1800
g5: AMD x86_64 3.3 nitro 2 previous
  xlarge=4,16384,<10G,disk=250  2xlarge=8,32768,<10G,disk=450  4xlarge=16,65536,<25G,disk=600
  8xlarge=32,131072,25G,disk=900  12xlarge=48,196608,40G,disk=3800  16xlarge=64,262144,25G,disk=1900
  24xlarge=96,393216,50G,disk=3800  48xlarge=192,786432,100G,disk=7600
g5g: AWS arm64 2.5 nitro 1
  xlarge=4,8192,<10G  2xlarge=8,16384,<10G  4xlarge=16,32768,<10G  8xlarge=32,65536,12G  16xlarge=64,131072,25G
  metal=64,131072,25G
g6: AMD x86_64 3.4 nitro 2
  xlarge=4,16384,<10G,disk=250  2xlarge=8,32768,<10G,disk=450  4xlarge=16,65536,<25G,disk=600
  8xlarge=32,131072,25G,disk=900  12xlarge=48,196608,40G,disk=3760  16xlarge=64,262144,25G,disk=1880
  24xlarge=96,393216,50G,disk=3760  48xlarge=192,786432,100G,disk=7520
p3dn: Intel x86_64 2.5 nitro 2
  24xlarge=96,786432,100G,disk=1800
p4d: Intel x86_64 3.0 nitro 2
  24xlarge=96,1179648,4x_100G,disk=8000
p5: AMD x86_64 3.6 nitro 2
  4xlarge=16,262144,100G,disk=3800  48xlarge=192,2097152,3200G,disk=30400
inf1: Intel x86_64 2.5 nitro 2
  xlarge=4,8192,<25G  2xlarge=8,16384,<25G  6xlarge=24,49152,25G  24xlarge=96,196608,100G
inf2: AMD x86_64 3.6 nitro 2
  xlarge=4,16384,<15G  8xlarge=32,131072,<25G  24xlarge=96,393216,50G  48xlarge=192,786432,100G
trn1: Intel x86_64 3.5 nitro 2
  2xlarge=8,32768,<12.5G,disk=474  32xlarge=128,524288,8x_100G,disk=7600
"""

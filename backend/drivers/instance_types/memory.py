"""Memory optimised families: r, x and z. The form of a line is told in flavors.py."""

from __future__ import annotations

FAMILIES = """
r3: Intel x86_64 2.5 xen 2 previous
  large=2,15360,Moderate,disk=32  xlarge=4,31232,Moderate,disk=80  2xlarge=8,62464,High,disk=160
  4xlarge=16,124928,High,disk=320  8xlarge=32,249856,10G,disk=640
r4: Intel x86_64 2.3 xen 2 previous
  large=2,15616,<10G  xlarge=4,31232,<10G  2xlarge=8,62464,<10G  4xlarge=16,124928,<10G  8xlarge=32,249856,10G
  16xlarge=64,499712,25G
r5: Intel x86_64 3.1 nitro 2 previous
  large=2,16384,<10G  xlarge=4,32768,<10G  2xlarge=8,65536,<10G  4xlarge=16,131072,<10G  8xlarge=32,262144,10G
  12xlarge=48,393216,12G  16xlarge=64,524288,20G  24xlarge=96,786432,25G  metal=96,786432,25G
r5a: AMD x86_64 2.5 nitro 2
  large=2,16384,<10G  xlarge=4,32768,<10G  2xlarge=8,65536,<10G  4xlarge=16,131072,<10G  8xlarge=32,262144,<10G
  12xlarge=48,393216,10G  16xlarge=64,524288,12G  24xlarge=96,786432,20G
r5ad: AMD x86_64 2.2 nitro 2
  large=2,16384,<10G,disk=75  xlarge=4,32768,<10G,disk=150  2xlarge=8,65536,<10G,disk=300
  4xlarge=16,131072,<10G,disk=600  8xlarge=32,262144,<10G,disk=1200,clock=2.5  12xlarge=48,393216,10G,disk=1800
  16xlarge=64,524288,12G,disk=2400,clock=2.5  24xlarge=96,786432,20G,disk=3600
r5b: Intel x86_64 3.1 nitro 2
  large=2,16384,<10G  xlarge=4,32768,<10G  2xlarge=8,65536,<10G  4xlarge=16,131072,<10G  8xlarge=32,262144,10G
  12xlarge=48,393216,12G  16xlarge=64,524288,20G  24xlarge=96,786432,25G  metal=96,786432,25G
r5d: Intel x86_64 3.1 nitro 2
  large=2,16384,<10G,disk=75  xlarge=4,32768,<10G,disk=150  2xlarge=8,65536,<10G,disk=300
  4xlarge=16,131072,<10G,disk=600  8xlarge=32,262144,10G,disk=1200  12xlarge=48,393216,12G,disk=1800
  16xlarge=64,524288,20G,disk=2400  24xlarge=96,786432,25G,disk=3600  metal=96,786432,25G,disk=3600
r5dn: Intel x86_64 3.1 nitro 2
  large=2,16384,<25G,disk=75  xlarge=4,32768,<25G,disk=150  2xlarge=8,65536,<25G,disk=300
  4xlarge=16,131072,<25G,disk=600  8xlarge=32,262144,25G,disk=1200  12xlarge=48,393216,50G,disk=1800
  16xlarge=64,524288,75G,disk=2400  24xlarge=96,786432,100G,disk=3600  metal=96,786432,100G,disk=3600
r5n: Intel x86_64 3.1 nitro 2
  large=2,16384,<25G  xlarge=4,32768,<25G  2xlarge=8,65536,<25G  4xlarge=16,131072,<25G  8xlarge=32,262144,25G
  12xlarge=48,393216,50G  16xlarge=64,524288,75G  24xlarge=96,786432,100G  metal=96,786432,100G
r6a: AMD x86_64 3.6 nitro 2
  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<12.5G  4xlarge=16,131072,<12.5G
  8xlarge=32,262144,12.5G  12xlarge=48,393216,18.75G  16xlarge=64,524288,25G  24xlarge=96,786432,37.5G
  32xlarge=128,1048576,50G  48xlarge=192,1572864,50G  metal=192,1572864,50G
r6g: AWS arm64 2.5 nitro 1
  medium=1,8192,<10G  large=2,16384,<10G  xlarge=4,32768,<10G  2xlarge=8,65536,<10G  4xlarge=16,131072,<10G
  8xlarge=32,262144,12G  12xlarge=48,393216,20G  16xlarge=64,524288,25G  metal=64,524288,25G
r6gd: AWS arm64 2.5 nitro 1
  medium=1,8192,<10G,disk=59  large=2,16384,<10G,disk=118  xlarge=4,32768,<10G,disk=237  2xlarge=8,65536,<10G,disk=474
  4xlarge=16,131072,<10G,disk=950  8xlarge=32,262144,12G,disk=1900  12xlarge=48,393216,20G,disk=2850
  16xlarge=64,524288,25G,disk=3800  metal=64,524288,25G,disk=3800
r6i: Intel x86_64 3.5 nitro 2 previous
  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<12.5G  4xlarge=16,131072,<12.5G
  8xlarge=32,262144,12.5G  12xlarge=48,393216,18.75G  16xlarge=64,524288,25G  24xlarge=96,786432,37.5G
  32xlarge=128,1048576,50G  metal=128,1048576,50G
r6id: Intel x86_64 3.5 nitro 2
  large=2,16384,<12.5G,disk=118  xlarge=4,32768,<12.5G,disk=237  2xlarge=8,65536,<12.5G,disk=474
  4xlarge=16,131072,<12.5G,disk=950  8xlarge=32,262144,12.5G,disk=1900  12xlarge=48,393216,18.75G,disk=2850
  16xlarge=64,524288,25G,disk=3800  24xlarge=96,786432,37.5G,disk=5700  32xlarge=128,1048576,50G,disk=7600
  metal=128,1048576,50G,disk=7600
r6in: Intel x86_64 3.5 nitro 2
  large=2,16384,<25G  xlarge=4,32768,<30G  2xlarge=8,65536,<40G  4xlarge=16,131072,<50G  8xlarge=32,262144,50G
  12xlarge=48,393216,75G  16xlarge=64,524288,100G  24xlarge=96,786432,150G  32xlarge=128,1048576,200G
  metal=128,1048576,200G
r6idn: Intel x86_64 3.5 nitro 2
  large=2,16384,<25G,disk=118  xlarge=4,32768,<30G,disk=237  2xlarge=8,65536,<40G,disk=474
  4xlarge=16,131072,<50G,disk=950  8xlarge=32,262144,50G,disk=1900  12xlarge=48,393216,75G,disk=2850
  16xlarge=64,524288,100G,disk=3800  24xlarge=96,786432,150G,disk=5700  32xlarge=128,1048576,200G,disk=7600
  metal=128,1048576,200G,disk=7600
r7a: AMD x86_64 3.7 nitro 1
  medium=1,8192,<12.5G  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<12.5G  4xlarge=16,131072,<12.5G
  8xlarge=32,262144,12.5G  12xlarge=48,393216,18.75G  16xlarge=64,524288,25G  24xlarge=96,786432,37.5G
  32xlarge=128,1048576,50G  48xlarge=192,1572864,50G  metal-48xl=192,1572864,50G
r7g: AWS arm64 2.6 nitro 1 previous
  medium=1,8192,<12.5G  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<15G  4xlarge=16,131072,<15G
  8xlarge=32,262144,15G  12xlarge=48,393216,22.5G  16xlarge=64,524288,30G  metal=64,524288,30G
r7gd: AWS arm64 2.6 nitro 1 previous
  medium=1,8192,<12.5G,disk=59  large=2,16384,<12.5G,disk=118  xlarge=4,32768,<12.5G,disk=237
  2xlarge=8,65536,<15G,disk=474  4xlarge=16,131072,<15G,disk=950  8xlarge=32,262144,15G,disk=1900
  12xlarge=48,393216,22.5G,disk=2850  16xlarge=64,524288,30G,disk=3800  metal=64,524288,30G,disk=3800
r7i: Intel x86_64 3.2 nitro 2
  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<12.5G  4xlarge=16,131072,<12.5G
  8xlarge=32,262144,12.5G  12xlarge=48,393216,18.75G  16xlarge=64,524288,25G  24xlarge=96,786432,37.5G
  48xlarge=192,1572864,50G  metal-24xl=96,786432,37.5G  metal-48xl=192,1572864,50G
r7iz: Intel x86_64 3.9 nitro 2
  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<12.5G  4xlarge=16,131072,<12.5G
  8xlarge=32,262144,12.5G  12xlarge=48,393216,25G  16xlarge=64,524288,25G  32xlarge=128,1048576,50G
  metal-16xl=64,524288,25G  metal-32xl=128,1048576,50G
r8g: AWS arm64 2.8 nitro 1
  medium=1,8192,<12.5G  large=2,16384,<12.5G  xlarge=4,32768,<12.5G  2xlarge=8,65536,<15G  4xlarge=16,131072,<15G
  8xlarge=32,262144,15G  12xlarge=48,393216,22.5G  16xlarge=64,524288,30G  24xlarge=96,786432,40G
  48xlarge=192,1572864,50G,clock=2.7  metal-24xl=96,786432,40G  metal-48xl=192,1572864,50G,clock=2.7
x1: Intel x86_64 2.3 xen 2
  16xlarge=64,999424,10G,disk=1920  32xlarge=128,1998848,25G,disk=3840
x1e: Intel x86_64 2.3 xen 2
  xlarge=4,124928,<10G,disk=120  2xlarge=8,249856,<10G,disk=240  4xlarge=16,499712,<10G,disk=480
  8xlarge=32,999424,<10G,disk=960  16xlarge=64,1998848,10G,disk=1920  32xlarge=128,3997696,25G,disk=3840
x2gd: AWS arm64 2.5 nitro 1
  medium=1,16384,<10G,disk=59  large=2,32768,<10G,disk=118  xlarge=4,65536,<10G,disk=237
  2xlarge=8,131072,<10G,disk=475  4xlarge=16,262144,<10G,disk=950  8xlarge=32,524288,12G,disk=1900
  12xlarge=48,786432,20G,disk=2850  16xlarge=64,1048576,25G,disk=3800  metal=64,1048576,25G,disk=3800
x2idn: Intel x86_64 3.5 nitro 2
  16xlarge=64,1048576,50G,disk=1900  24xlarge=96,1572864,75G,disk=2850  32xlarge=128,2097152,100G,disk=3800
  metal=128,2097152,100G,disk=3800
x2iedn: Intel x86_64 3.5 nitro 2
  xlarge=4,131072,<25G,disk=118  2xlarge=8,262144,<25G,disk=237  4xlarge=16,524288,<25G,disk=475
  8xlarge=32,1048576,25G,disk=950  16xlarge=64,2097152,50G,disk=1900  24xlarge=96,3145728,75G,disk=2850
  32xlarge=128,4194304,100G,disk=3800  metal=128,4194304,100G,disk=3800
x2iezn: Intel x86_64 4.5 nitro 2
  2xlarge=8,262144,<25G  4xlarge=16,524288,<25G  6xlarge=24,786432,50G  8xlarge=32,1048576,75G
  12xlarge=48,1572864,100G  metal=48,1572864,100G
z1d: Intel x86_64 4.0 nitro 2
  large=2,16384,<10G,disk=75  xlarge=4,32768,<10G,disk=150  2xlarge=8,65536,<10G,disk=300
  3xlarge=12,98304,<10G,disk=450  6xlarge=24,196608,12G,disk=900  12xlarge=48,393216,25G,disk=1800
  metal=48,393216,25G,disk=1800
"""

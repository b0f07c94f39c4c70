"""Compute optimised families: c. The form of a line is told in flavors.py."""

from __future__ import annotations

FAMILIES = """
c1: Intel x86_64+i386 - xen 1 previous
  medium=2,1740,Moderate,disk=350  xlarge=8,7168,High,disk=1680,arch=x86_64
c3: Intel x86_64 2.8 xen 2 previous
  large=2,3840,Moderate,disk=32,arch=x86_64+i386  xlarge=4,7680,Moderate,disk=80  2xlarge=8,15360,High,disk=160
  4xlarge=16,30720,High,disk=320  8xlarge=32,61440,10G,disk=640
c4: Intel x86_64 2.9 xen 2 previous
  large=2,3840,Moderate  xlarge=4,7680,High  2xlarge=8,15360,High  4xlarge=16,30720,High  8xlarge=36,61440,10G
c5: Intel x86_64 3.4 nitro 2 previous
  large=2,4096,<10G  xlarge=4,8192,<10G  2xlarge=8,16384,<10G  4xlarge=16,32768,<10G  9xlarge=36,73728,12G
  12xlarge=48,98304,12G,clock=3.6  18xlarge=72,147456,25G  24xlarge=96,196608,25G,clock=3.6
  metal=96,196608,25G,clock=3.6
c5a: AMD x86_64 3.3 nitro 2
  large=2,4096,<10G  xlarge=4,8192,<10G  2xlarge=8,16384,<10G  4xlarge=16,32768,<10G  8xlarge=32,65536,10G
  12xlarge=48,98304,12G  16xlarge=64,131072,20G  24xlarge=96,196608,20G
c5ad: AMD x86_64 3.3 nitro 2
  large=2,4096,<10G,disk=75  xlarge=4,8192,<10G,disk=150  2xlarge=8,16384,<10G,disk=300
  4xlarge=16,32768,<10G,disk=600  8xlarge=32,65536,10G,disk=1200  12xlarge=48,98304,12G,disk=1800
  16xlarge=64,131072,20G,disk=2400  24xlarge=96,196608,20G,disk=3800
c5d: Intel x86_64 3.4 nitro 2
  large=2,4096,<10G,disk=50  xlarge=4,8192,<10G,disk=100  2xlarge=8,16384,<10G,disk=200
  4xlarge=16,32768,<10G,disk=400  9xlarge=36,73728,12G,disk=900  12xlarge=48,98304,12G,disk=1800,clock=3.6
  18xlarge=72,147456,25G,disk=1800  24xlarge=96,196608,25G,disk=3600,clock=3.6
  metal=96,196608,25G,disk=3600,clock=3.6
c5n: Intel x86_64 3.4 nitro 2
  large=2,5376,<25G  xlarge=4,10752,<25G  2xlarge=8,21504,<25G  4xlarge=16,43008,<25G  9xlarge=36,98304,50G
  18xlarge=72,196608,100G  metal=72,196608,100G
c6a: AMD x86_64 3.6 nitro 2
  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<12.5G  4xlarge=16,32768,<12.5G  8xlarge=32,65536,12.5G
  12xlarge=48,98304,18.75G  16xlarge=64,131072,25G  24xlarge=96,196608,37.5G  32xlarge=128,262144,50G
  48xlarge=192,393216,50G  metal=192,393216,50G
c6g: AWS arm64 2.5 nitro 1
  medium=1,2048,<10G  large=2,4096,<10G  xlarge=4,8192,<10G  2xlarge=8,16384,<10G  4xlarge=16,32768,<10G
  8xlarge=32,65536,12G  12xlarge=48,98304,20G  16xlarge=64,131072,25G  metal=64,131072,25G
c6gd: AWS arm64 2.5 nitro 1
  medium=1,2048,<10G,disk=59  large=2,4096,<10G,disk=118  xlarge=4,8192,<10G,disk=237  2xlarge=8,16384,<10G,disk=474
  4xlarge=16,32768,<10G,disk=950  8xlarge=32,65536,12G,disk=1900  12xlarge=48,98304,20G,disk=2850
  16xlarge=64,131072,25G,disk=3800  metal=64,131072,25G,disk=3800
c6gn: AWS arm64 2.5 nitro 1 previous
  medium=1,2048,<16G  large=2,4096,<25G  xlarge=4,8192,<25G  2xlarge=8,16384,<25G  4xlarge=16,32768,25G
  8xlarge=32,65536,50G  12xlarge=48,98304,75G  16xlarge=64,131072,100G
c6i: Intel x86_64 3.5 nitro 2
  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<12.5G  4xlarge=16,32768,<12.5G  8xlarge=32,65536,12.5G
  12xlarge=48,98304,18.75G  16xlarge=64,131072,25G  24xlarge=96,196608,37.5G  32xlarge=128,262144,50G
  metal=128,262144,50G
c6id: Intel x86_64 3.5 nitro 2
  large=2,4096,<12.5G,disk=118  xlarge=4,8192,<12.5G,disk=237  2xlarge=8,16384,<12.5G,disk=474
  4xlarge=16,32768,<12.5G,disk=950  8xlarge=32,65536,12.5G,disk=1900  12xlarge=48,98304,18.75G,disk=2850
  16xlarge=64,131072,25G,disk=3800  24xlarge=96,196608,37.5G,disk=5700  32xlarge=128,262144,50G,disk=7600
  metal=128,262144,50G,disk=7600
c6in: Intel x86_64 3.5 nitro 2
  large=2,4096,<25G  xlarge=4,8192,<30G  2xlarge=8,16384,<40G  4xlarge=16,32768,<50G  8xlarge=32,65536,50G
  12xlarge=48,98304,75G  16xlarge=64,131072,100G  24xlarge=96,196608,150G  32xlarge=128,262144,200G
  metal=128,262144,200G
c7a: AMD x86_64 3.7 nitro 1
  medium=1,2048,<12.5G  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<12.5G  4xlarge=16,32768,<12.5G
  8xlarge=32,65536,12.5G  12xlarge=48,98304,18.75G  16xlarge=64,131072,25G  24xlarge=96,196608,37.5G
  32xlarge=128,262144,50G  48xlarge=192,393216,50G  metal-48xl=192,393216,50G
c7g: AWS arm64 2.6 nitro 1
  medium=1,2048,<12.5G  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<15G  4xlarge=16,32768,<15G
  8xlarge=32,65536,15G  12xlarge=48,98304,22.5G  16xlarge=64,131072,30G  metal=64,131072,30G
c7gd: AWS arm64 2.6 nitro 1
  medium=1,2048,<12.5G,disk=59  large=2,4096,<12.5G,disk=118  xlarge=4,8192,<12.5G,disk=237
  2xlarge=8,16384,<15G,disk=474  4xlarge=16,32768,<15G,disk=950  8xlarge=32,65536,15G,disk=1900
  12xlarge=48,98304,22.5G,disk=2850  16xlarge=64,131072,30G,disk=3800  metal=64,131072,30G,disk=3800
c7gn: AWS arm64 2.6 nitro 1
  medium=1,2048,<25G  large=2,4096,<30G  xlarge=4,8192,<40G  2xlarge=8,16384,<50G  4xlarge=16,32768,50G
  8xlarge=32,65536,100G  12xlarge=48,98304,150G  16xlarge=64,131072,200G  metal=64,131072,200G
c7i: Intel x86_64 3.2 nitro 2
  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<12.5G  4xlarge=16,32768,<12.5G  8xlarge=32,65536,12.5G
  12xlarge=48,98304,18.75G  16xlarge=64,131072,25G  24xlarge=96,196608,37.5G  48xlarge=192,393216,50G
  metal-24xl=96,196608,37.5G  metal-48xl=192,393216,50G
c7i-flex: Intel x86_64 3.2 nitro 2
  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<12.5G  4xlarge=16,32768,<12.5G  8xlarge=32,65536,<12.5G
  12xlarge=48,98304,<18.75G  16xlarge=64,131072,<25G
c8g: AWS arm64 2.8 nitro 1
  medium=1,2048,<12.5G  large=2,4096,<12.5G  xlarge=4,8192,<12.5G  2xlarge=8,16384,<15G  4xlarge=16,32768,<15G
  8xlarge=32,65536,15G  12xlarge=48,98304,22.5G  16xlarge=64,131072,30G  24xlarge=96,196608,40G
  48xlarge=192,393216,50G,clock=2.7  metal-24xl=96,196608,40G  metal-48xl=192,393216,50G,clock=2.7
"""

"""General purpose families: t, a1 and m. The form of a line is told in flavors.py."""

from __future__ import annotations

FAMILIES = """
t1: Intel x86_64+i386 - xen 1 previous
  micro=1,627,Very_Low
t2: Intel x86_64+i386 2.3 xen 1 burstable
  nano=1,512,Low_to_Moderate,clock=2.4  micro=1,1024,Low_to_Moderate,clock=2.5  small=1,2048,Low_to_Moderate,clock=2.5
  medium=2,4096,Low_to_Moderate  large=2,8192,Low_to_Moderate,arch=x86_64  xlarge=4,16384,Moderate,arch=x86_64
  2xlarge=8,32768,Moderate,arch=x86_64
t3: Intel x86_64 2.5 nitro 2 burstable
  nano=2,512,<5G  micro=2,1024,<5G  small=2,2048,<5G  medium=2,4096,<5G  large=2,8192,<5G  xlarge=4,16384,<5G
  2xlarge=8,32768,<5G
t3a: AMD x86_64 2.2 nitro 2 burstable
  nano=2,512,<5G  micro=2,1024,<5G  small=2,2048,<5G  medium=2,4096,<5G  large=2,8192,<5G  xlarge=4,16384,<5G
  2xlarge=8,32768,<5G
t4g: AWS arm64 2.5 nitro 1 burstable
  nano=2,512,<5G  micro=2,1024,<5G  small=2,2048,<5G  medium=2,4096,<5G  large=2,8192,<5G  xlarge=4,16384,<5G
  2xlarge=8,32768,<5G
a1: AWS arm64 2.3 nitro 1 previous
  medium=1,2048,<10G  large=2,4096,<10G  xlarge=4,8192,<10G  2xlarge=8,16384,<10G  4xlarge=16,32768,<10G
  metal=16,32768,<10G
m1: Intel x86_64+i386 - xen 1 previous
  small=1,1740,Low,disk=160  medium=1,3788,Moderate,disk=410  large=2,7680,Moderate,disk=840,arch=x86_64
  xlarge=4,15360,High,disk=1680,arch=x86_64
m2: Intel x86_64 - xen 1 previous
  xlarge=2,17510,Moderate,disk=420  2xlarge=4,35020,Moderate,disk=850  4xlarge=8,70041,High,disk=1680
m3: Intel x86_64 2.5 xen 2 previous
  medium=1,3840,Moderate,disk=4,threads=1  large=2,7680,Moderate,disk=32  xlarge=4,15360,High,disk=80
  2xlarge=8,30720,High,disk=160
m4: Intel x86_64 2.4 xen 2 previous
  large=2,8192,Moderate  xlarge=4,16384,High  2xlarge=8,32768,High  4xlarge=16,65536,High  10xlarge=40,163840,10G
  16xlarge=64,262144,25G,clock=2.3
m5: Intel x86_64 3.1 nitro 2 previous
  large=2,8192,<10G  xlarge=4,16384,<10G  2xlarge=8,32768,<10G  4xlarge=16,65536,<10G  8xlarge=32,131072,10G
  12xlarge=48,196608,12G  16xlarge=64,262144,20G  24xlarge=96,393216,25G  metal=96,393216,25G
m5a: AMD x86_64 2.5 nitro 2
  large=2,8192,<10G  xlarge=4,16384,<10G  2xlarge=8,32768,<10G  4xlarge=16,65536,<10G  8xlarge=32,131072,<10G
  12xlarge=48,196608,10G  16xlarge=64,262144,12G  24xlarge=96,393216,20G
m5ad: AMD x86_64 2.2 nitro 2
  large=2,8192,<10G,disk=75  xlarge=4,16384,<10G,disk=150  2xlarge=8,32768,<10G,disk=300
  4xlarge=16,65536,<10G,disk=600  8xlarge=32,131072,<10G,disk=1200,clock=2.5  12xlarge=48,196608,10G,disk=1800
  16xlarge=64,262144,12G,disk=2400,clock=2.5  24xlarge=96,393216,20G,disk=3600
m5d: Intel x86_64 3.1 nitro 2
  large=2,8192,<10G,disk=75  xlarge=4,16384,<10G,disk=150  2xlarge=8,32768,<10G,disk=300
  4xlarge=16,65536,<10G,disk=600  8xlarge=32,131072,10G,disk=1200  12xlarge=48,196608,12G,disk=1800
  16xlarge=64,262144,20G,disk=2400  24xlarge=96,393216,25G,disk=3600  metal=96,393216,25G,disk=3600
m5dn: Intel x86_64 3.1 nitro 2
  large=2,8192,<25G,disk=75  xlarge=4,16384,<25G,disk=150  2xlarge=8,32768,<25G,disk=300
  4xlarge=16,65536,<25G,disk=600  8xlarge=32,131072,25G,disk=1200  12xlarge=48,196608,50G,disk=1800
  16xlarge=64,262144,75G,disk=2400  24xlarge=96,393216,100G,disk=3600  metal=96,393216,100G,disk=3600
m5n: Intel x86_64 3.1 nitro 2
  large=2,8192,<25G  xlarge=4,16384,<25G  2xlarge=8,32768,<25G  4xlarge=16,65536,<25G  8xlarge=32,131072,25G
  12xlarge=48,196608,50G  16xlarge=64,262144,75G  24xlarge=96,393216,100G  metal=96,393216,100G
m5zn: Intel x86_64 4.5 nitro 2
  large=2,8192,<25G  xlarge=4,16384,<25G  2xlarge=8,32768,<25G  3xlarge=12,49152,<25G  6xlarge=24,98304,50G
  12xlarge=48,196608,100G  metal=48,196608,100G
m6a: AMD x86_64 3.6 nitro 2
  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<12.5G  4xlarge=16,65536,<12.5G  8xlarge=32,131072,12.5G
  12xlarge=48,196608,18.75G  16xlarge=64,262144,25G  24xlarge=96,393216,37.5G  32xlarge=128,524288,50G
  48xlarge=192,786432,50G  metal=192,786432,50G
m6g: AWS arm64 2.5 nitro 1
  medium=1,4096,<10G  large=2,8192,<10G  xlarge=4,16384,<10G  2xlarge=8,32768,<10G  4xlarge=16,65536,<10G
  8xlarge=32,131072,12G  12xlarge=48,196608,20G  16xlarge=64,262144,25G  metal=64,262144,25G
m6gd: AWS arm64 2.5 nitro 1
  medium=1,4096,<10G,disk=59  large=2,8192,<10G,disk=118  xlarge=4,16384,<10G,disk=237  2xlarge=8,32768,<10G,disk=474
  4xlarge=16,65536,<10G,disk=950  8xlarge=32,131072,12G,disk=1900  12xlarge=48,196608,20G,disk=2850
  16xlarge=64,262144,25G,disk=3800  metal=64,262144,25G,disk=3800
m6i: Intel x86_64 3.5 nitro 2 previous
  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<12.5G  4xlarge=16,65536,<12.5G  8xlarge=32,131072,12.5G
  12xlarge=48,196608,18.75G  16xlarge=64,262144,25G  24xlarge=96,393216,37.5G  32xlarge=128,524288,50G
  metal=128,524288,50G
m6id: Intel x86_64 3.5 nitro 2
  large=2,8192,<12.5G,disk=118  xlarge=4,16384,<12.5G,disk=237  2xlarge=8,32768,<12.5G,disk=474
  4xlarge=16,65536,<12.5G,disk=950  8xlarge=32,131072,12.5G,disk=1900  12xlarge=48,196608,18.75G,disk=2850
  16xlarge=64,262144,25G,disk=3800  24xlarge=96,393216,37.5G,disk=5700  32xlarge=128,524288,50G,disk=7600
  metal=128,524288,50G,disk=7600
m6in: Intel x86_64 3.5 nitro 2
  large=2,8192,<25G  xlarge=4,16384,<30G  2xlarge=8,32768,<40G  4xlarge=16,65536,<50G  8xlarge=32,131072,50G
  12xlarge=48,196608,75G  16xlarge=64,262144,100G  24xlarge=96,393216,150G  32xlarge=128,524288,200G
  metal=128,524288,200G
m6idn: Intel x86_64 3.5 nitro 2
  large=2,8192,<25G,disk=118  xlarge=4,16384,<30G,disk=237  2xlarge=8,32768,<40G,disk=474
  4xlarge=16,65536,<50G,disk=950  8xlarge=32,131072,50G,disk=1900  12xlarge=48,196608,75G,disk=2850
  16xlarge=64,262144,100G,disk=3800  24xlarge=96,393216,150G,disk=5700  32xlarge=128,524288,200G,disk=7600
  metal=128,524288,200G,disk=7600
m7a: AMD x86_64 3.7 nitro 1
  medium=1,4096,<12.5G  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<12.5G  4xlarge=16,65536,<12.5G
  8xlarge=32,131072,12.5G  12xlarge=48,196608,18.75G  16xlarge=64,262144,25G  24xlarge=96,393216,37.5G
  32xlarge=128,524288,50G  48xlarge=192,786432,50G  metal-48xl=192,786432,50G
m7g: AWS arm64 2.6 nitro 1
  medium=1,4096,<12.5G  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<15G  4xlarge=16,65536,<15G
  8xlarge=32,131072,15G  12xlarge=48,196608,22.5G  16xlarge=64,262144,30G  metal=64,262144,30G
m7gd: AWS arm64 2.6 nitro 1
  medium=1,4096,<12.5G,disk=59  large=2,8192,<12.5G,disk=118  xlarge=4,16384,<12.5G,disk=237
  2xlarge=8,32768,<15G,disk=474  4xlarge=16,65536,<15G,disk=950  8xlarge=32,131072,15G,disk=1900
  12xlarge=48,196608,22.5G,disk=2850  16xlarge=64,262144,30G,disk=3800  metal=64,262144,30G,disk=3800
m7i: Intel x86_64 3.2 nitro 2
  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<12.5G  4xlarge=16,65536,<12.5G  8xlarge=32,131072,12.5G
  12xlarge=48,196608,18.75G  16xlarge=64,262144,25G  24xlarge=96,393216,37.5G  48xlarge=192,786432,50G
  metal-24xl=96,393216,37.5G  metal-48xl=192,786432,50G
m7i-flex: Intel x86_64 3.2 nitro 2
  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<12.5G  4xlarge=16,65536,<12.5G
  8xlarge=32,131072,<12.5G  12xlarge=48,196608,<18.75G  16xlarge=64,262144,<25G
m8g: AWS arm64 2.8 nitro 1
  medium=1,4096,<12.5G  large=2,8192,<12.5G  xlarge=4,16384,<12.5G  2xlarge=8,32768,<15G  4xlarge=16,65536,<15G
  8xlarge=32,131072,15G  12xlarge=48,196608,22.5G  16xlarge=64,262144,30G  24xlarge=96,393216,40G
  48xlarge=192,786432,50G,clock=2.7  metal-24xl=96,393216,40G  metal-48xl=192,786432,50G,clock=2.7
"""

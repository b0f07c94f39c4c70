# A network of one's own, as AWS's users write it. Only the endpoints and the keys are Coppice's.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "mark" {
  type = string
}

variable "main" {
  type    = bool
  default = true
}

variable "hostnames" {
  type    = bool
  default = false
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    iam         = var.endpoint
    sts         = var.endpoint
  }

  default_tags {
    tags = {
      mark = var.mark
    }
  }
}

data "aws_availability_zones" "open" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = var.hostnames

  tags = {
    Name = "${var.mark}-main"
  }
}

resource "aws_vpc_dhcp_options" "names" {
  domain_name         = "example.org"
  domain_name_servers = ["10.20.0.2", "AmazonProvidedDNS"]
}

resource "aws_vpc_dhcp_options_association" "names" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.names.id
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.open.names[count.index]
}

resource "aws_subnet" "second" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.20.200.0/24"
}

resource "aws_internet_gateway" "out" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id

  route {
    cidr_block = var.hostnames ? "192.0.2.0/24" : "198.51.100.0/24"
    gateway_id = aws_internet_gateway.out.id
  }
}

resource "aws_route_table" "other" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "other" {
  route_table_id         = aws_route_table.other.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.out.id
}

resource "aws_vpc" "small" {
  cidr_block = "10.30.0.0/24"
}

resource "aws_route_table" "small" {
  vpc_id = aws_vpc.small.id
}

# A main table cannot be imported: the provider keeps the one before it in its state alone.
resource "aws_main_route_table_association" "small" {
  count          = var.main ? 1 : 0
  vpc_id         = aws_vpc.small.id
  route_table_id = aws_route_table.small.id
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  subnet_ids             = [aws_subnet.second.id]

  ingress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }

  egress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

resource "aws_network_acl" "open" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = aws_subnet.public[*].id

  ingress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }

  egress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_route_table" "default" {
  vpc_id = data.aws_vpc.default.id
}

data "aws_internet_gateway" "default" {
  filter {
    name   = "attachment.vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

output "vpc" {
  value = aws_vpc.main.id
}

output "default_subnets" {
  value = data.aws_subnets.default.ids
}

output "ids" {
  value = {
    "aws_vpc.main"                           = aws_vpc.main.id
    "aws_vpc.small"                          = aws_vpc.small.id
    "aws_vpc_dhcp_options.names"             = aws_vpc_dhcp_options.names.id
    "aws_vpc_dhcp_options_association.names" = aws_vpc.main.id
    "aws_subnet.public[0]"                   = aws_subnet.public[0].id
    "aws_subnet.public[1]"                   = aws_subnet.public[1].id
    "aws_subnet.second"                      = aws_subnet.second.id
    "aws_internet_gateway.out"               = aws_internet_gateway.out.id
    "aws_route_table.public"                 = aws_route_table.public.id
    "aws_route_table.other"                  = aws_route_table.other.id
    "aws_route_table.small"                  = aws_route_table.small.id
    "aws_route_table_association.public[0]"  = "${aws_subnet.public[0].id}/${aws_route_table.public.id}"
    "aws_route_table_association.public[1]"  = "${aws_subnet.public[1].id}/${aws_route_table.public.id}"
    "aws_default_route_table.main"           = aws_vpc.main.id
    "aws_route.other"                        = "${aws_route_table.other.id}_0.0.0.0/0"
    "aws_default_network_acl.main"           = aws_default_network_acl.main.id
    "aws_network_acl.open"                   = aws_network_acl.open.id
  }
}

# An instance with an interface that is made before it, as the provider's own example of aws_instance has it; what lies
# behind it (a network at the other end of a VPN, say) is reached by a route to the interface.
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

variable "instance_type" {
  type    = string
  default = "t3.micro"
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
  }
}

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }
}

resource "aws_vpc" "mine" {
  cidr_block = "10.63.0.0/16"

  tags = {
    Name = var.mark
  }
}

resource "aws_subnet" "mine" {
  vpc_id            = aws_vpc.mine.id
  cidr_block        = "10.63.10.0/24"
  availability_zone = "us-east-1a"
}

resource "aws_internet_gateway" "mine" {
  vpc_id = aws_vpc.mine.id
}

resource "aws_security_group" "web" {
  name   = "${var.mark}-web"
  vpc_id = aws_vpc.mine.id
}

resource "aws_network_interface" "first" {
  subnet_id       = aws_subnet.mine.id
  private_ips     = ["10.63.10.100"]
  security_groups = [aws_security_group.web.id]

  source_dest_check = false

  tags = {
    Name = "primary_network_interface"
  }
}

resource "aws_instance" "mine" {
  ami           = data.aws_ami.linux.id
  instance_type = var.instance_type

  network_interface {
    network_interface_id = aws_network_interface.first.id
    device_index         = 0
  }
}

resource "aws_eip" "mine" {
  domain     = "vpc"
  instance   = aws_instance.mine.id
  depends_on = [aws_internet_gateway.mine]
}

resource "aws_route_table" "mine" {
  vpc_id = aws_vpc.mine.id
}

resource "aws_route_table_association" "mine" {
  subnet_id      = aws_subnet.mine.id
  route_table_id = aws_route_table.mine.id
}

resource "aws_route" "behind" {
  route_table_id         = aws_route_table.mine.id
  destination_cidr_block = "192.168.0.0/16"
  network_interface_id   = aws_network_interface.first.id
}

output "table" {
  value = aws_route_table.mine.id
}

output "instance" {
  value = aws_instance.mine.id
}

output "interface" {
  value = aws_network_interface.first.id
}

output "public" {
  value = aws_eip.mine.public_ip
}

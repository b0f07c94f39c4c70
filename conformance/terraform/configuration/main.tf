# A group from a launch configuration, which many an old stack still has.
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

provider "aws" {
  region = "us-east-1"

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    iam         = var.endpoint
    sts         = var.endpoint
  }
}

data "aws_ami" "ubuntu" {
  most_recent = true
  owners      = ["099720109477"]

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"]
  }
}

resource "aws_launch_configuration" "old" {
  name_prefix   = "${var.mark}-"
  image_id      = data.aws_ami.ubuntu.id
  instance_type = "m5.large"
  user_data     = "#!/bin/sh\n"

  root_block_device {
    volume_size = 20
    volume_type = "gp2"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_placement_group" "apart" {
  name     = "${var.mark}-apart"
  strategy = "spread"

  tags = {
    team = var.mark
  }
}

resource "aws_autoscaling_group" "old" {
  name                  = "${var.mark}-old"
  launch_configuration  = aws_launch_configuration.old.name
  availability_zones    = ["us-east-1a", "us-east-1b"]
  min_size              = 2
  max_size              = 2
  protect_from_scale_in = true
  placement_group       = aws_placement_group.apart.id
}

output "group" {
  value = aws_autoscaling_group.old.name
}

output "placement_group" {
  value = aws_placement_group.apart.name
}

output "configuration" {
  value = aws_launch_configuration.old.name
}

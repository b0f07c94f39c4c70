# A group with hooks: one from the beginning, one as a resource of its own. Only the endpoints and the keys are Coppice's.
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

variable "heartbeat" {
  type    = number
  default = 60
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

data "aws_ami" "image" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2*-x86_64"]
  }
}

resource "aws_launch_template" "web" {
  name          = "${var.mark}-web"
  image_id      = data.aws_ami.image.id
  instance_type = "t3.micro"
}

resource "aws_autoscaling_group" "web" {
  name               = "${var.mark}-web"
  min_size           = 0
  max_size           = 2
  availability_zones = ["us-east-1a"]

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }

  initial_lifecycle_hook {
    name                  = "warm"
    default_result        = "CONTINUE"
    heartbeat_timeout     = 30
    lifecycle_transition  = "autoscaling:EC2_INSTANCE_LAUNCHING"
    notification_metadata = jsonencode({ from = var.mark })
  }
}

resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.web.name
  default_result         = "CONTINUE"
  heartbeat_timeout      = var.heartbeat
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
}

output "group" {
  value = aws_autoscaling_group.web.name
}

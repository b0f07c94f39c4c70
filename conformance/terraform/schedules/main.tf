# Scheduled actions of a group that launches nothing: once, again and again, in a zone, with an end.
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

variable "recurrence" {
  type    = string
  default = "30 7 * * MON-FRI"
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

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }
}

resource "aws_launch_template" "web" {
  name_prefix   = "${var.mark}-"
  image_id      = data.aws_ami.linux.id
  instance_type = "t3.micro"
}

resource "aws_autoscaling_group" "web" {
  name               = "${var.mark}-web"
  min_size           = 0
  max_size           = 6
  availability_zones = ["us-east-1a"]

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }
}

resource "aws_autoscaling_schedule" "morning" {
  scheduled_action_name  = "morning"
  autoscaling_group_name = aws_autoscaling_group.web.name
  recurrence             = var.recurrence
  time_zone              = "Europe/Berlin"
  min_size               = 2
  max_size               = 6
  desired_capacity       = 2
}

resource "aws_autoscaling_schedule" "evening" {
  scheduled_action_name  = "evening"
  autoscaling_group_name = aws_autoscaling_group.web.name
  recurrence             = "0 19 * * *"
  end_time               = "2099-01-01T00:00:00Z"
  min_size               = 0
  max_size               = -1
  desired_capacity       = 0
}

resource "aws_autoscaling_schedule" "party" {
  scheduled_action_name  = "party"
  autoscaling_group_name = aws_autoscaling_group.web.name
  start_time             = "2098-12-31T22:00:00Z"
  min_size               = -1
  max_size               = -1
  desired_capacity       = 6
}

output "group" {
  value = aws_autoscaling_group.web.name
}

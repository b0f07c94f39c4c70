# A group from a launch template, as AWS's users write it. Only the endpoints and the keys are Coppice's.
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

variable "desired" {
  type    = number
  default = 2
}

variable "instance_type" {
  type    = string
  default = "t3.micro"
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
      stack = var.mark
    }
  }
}

data "aws_caller_identity" "me" {}

data "aws_availability_zones" "open" {
  state = "available"
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

data "aws_security_group" "default" {
  vpc_id = data.aws_vpc.default.id
  name   = "default"
}

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }

  filter {
    name   = "virtualization-type"
    values = ["hvm"]
  }
}

resource "aws_launch_template" "web" {
  name_prefix            = "${var.mark}-"
  image_id               = data.aws_ami.linux.id
  instance_type          = var.instance_type
  update_default_version = true
  user_data              = base64encode("#!/bin/sh\necho hello\n")
  vpc_security_group_ids = [data.aws_security_group.default.id]

  block_device_mappings {
    device_name = data.aws_ami.linux.root_device_name

    ebs {
      volume_size           = 12
      volume_type           = "gp3"
      delete_on_termination = true
    }
  }

  metadata_options {
    http_tokens = "required"
  }

  tag_specifications {
    resource_type = "instance"

    tags = {
      from = "template"
    }
  }
}

resource "aws_autoscaling_group" "web" {
  name                      = "${var.mark}-web"
  min_size                  = 1
  max_size                  = 6
  desired_capacity          = var.desired
  health_check_grace_period = 5
  vpc_zone_identifier       = data.aws_subnets.default.ids
  enabled_metrics           = ["GroupInServiceInstances", "GroupTotalInstances"]
  suspended_processes       = ["AZRebalance"]
  termination_policies      = ["OldestLaunchTemplate", "Default"]
  max_instance_lifetime     = 604800

  launch_template {
    id      = aws_launch_template.web.id
    version = aws_launch_template.web.latest_version
  }

  instance_maintenance_policy {
    min_healthy_percentage = 90
    max_healthy_percentage = 120
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      instance_warmup = 1
      skip_matching   = true
      auto_rollback   = true
    }
  }

  tag {
    key                 = "Name"
    value               = "web of ${var.mark}"
    propagate_at_launch = true
  }

  tag {
    key                 = "quiet"
    value               = "yes"
    propagate_at_launch = false
  }
}

resource "aws_autoscaling_schedule" "morning" {
  scheduled_action_name  = "morning"
  autoscaling_group_name = aws_autoscaling_group.web.name
  recurrence             = "30 7 * * MON-FRI"
  time_zone              = "Europe/Berlin"
  min_size               = 2
  max_size               = 6
  desired_capacity       = var.desired
}

resource "aws_autoscaling_schedule" "party" {
  scheduled_action_name  = "party"
  autoscaling_group_name = aws_autoscaling_group.web.name
  start_time             = "2098-12-31T22:00:00Z"
  min_size               = -1
  max_size               = -1
  desired_capacity       = 6
}

output "account" {
  value = data.aws_caller_identity.me.account_id
}

output "zones" {
  value = data.aws_availability_zones.open.names
}

output "group" {
  value = aws_autoscaling_group.web.name
}

output "template" {
  value = aws_launch_template.web.name
}

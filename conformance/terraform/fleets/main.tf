# Groups of several types: by weights behind a target group, and by what the types have, with a refresh when their template or
# their tags change. Only the endpoints and the keys are Coppice's.
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

variable "weight" {
  type    = string
  default = "2"
}

variable "release" {
  type    = string
  default = "one"
}

variable "vcpus" {
  type    = number
  default = 2
}

variable "side" {
  type    = string
  default = "blue"
}

variable "balanced" {
  type    = bool
  default = true
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    elbv2       = var.endpoint
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

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_launch_template" "web" {
  name          = "${var.mark}-web"
  image_id      = data.aws_ami.image.id
  instance_type = "t3.micro"
  user_data     = base64encode("#!/bin/sh\necho ${var.release}\n")
}

resource "aws_launch_template" "other" {
  name          = "${var.mark}-other"
  image_id      = data.aws_ami.image.id
  instance_type = "t3.medium"
}

resource "aws_lb_target_group" "web" {
  for_each = toset(["blue", "green"])
  name     = "${var.mark}-${each.key}"
  port     = 80
  protocol = "HTTP"
  vpc_id   = data.aws_vpc.default.id
}

resource "aws_autoscaling_group" "weighted" {
  name                  = "${var.mark}-weighted"
  min_size              = 0
  max_size              = 12
  desired_capacity      = 4
  vpc_zone_identifier   = data.aws_subnets.default.ids
  capacity_rebalance    = true
  protect_from_scale_in = false
  termination_policies  = ["AllocationStrategy", "OldestInstance"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_allocation_strategy            = "prioritized"
      on_demand_base_capacity                  = 2
      on_demand_percentage_above_base_capacity = 50
      spot_allocation_strategy                 = "capacity-optimized-prioritized"
      spot_max_price                           = "0.05"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.web.id
        version            = aws_launch_template.web.latest_version
      }

      override {
        instance_type     = "t3.small"
        weighted_capacity = var.weight
      }

      override {
        instance_type     = "t3.medium"
        weighted_capacity = "4"

        launch_template_specification {
          launch_template_id = aws_launch_template.other.id
          # A rollback has to know what to go back to.
          version = aws_launch_template.other.latest_version
        }
      }
    }
  }

  instance_refresh {
    strategy = "Rolling"
    triggers = ["tag"]

    preferences {
      min_healthy_percentage       = 50
      max_healthy_percentage       = 150
      instance_warmup              = 1
      auto_rollback                = true
      checkpoint_percentages       = [50, 100]
      checkpoint_delay             = 1
      scale_in_protected_instances = "Ignore"
      standby_instances            = "Ignore"
      skip_matching                = false
    }
  }

  traffic_source {
    identifier = aws_lb_target_group.web[var.side].arn
    type       = "elbv2"
  }

  tag {
    key                 = "release"
    value               = var.release
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_group" "meeting" {
  name                  = "${var.mark}-meeting"
  min_size              = 0
  max_size              = 32
  desired_capacity      = var.vcpus
  desired_capacity_type = "vcpu"
  availability_zones    = ["us-east-1a", "us-east-1b"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_allocation_strategy = "lowest-price"
      spot_allocation_strategy      = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_name = aws_launch_template.other.name
        version              = "$Default"
      }

      override {
        instance_requirements {
          allowed_instance_types    = ["m5*", "c5*"]
          bare_metal                = "excluded"
          burstable_performance     = "excluded"
          cpu_manufacturers         = ["intel"]
          instance_generations      = ["current"]
          local_storage             = "included"
          require_hibernate_support = false

          vcpu_count {
            min = var.vcpus
            max = 8
          }

          memory_mib {
            min = 2048
          }

          memory_gib_per_vcpu {
            min = 1.5
            max = 8
          }

          accelerator_count {
            max = 0
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [traffic_source]
  }
}

resource "aws_autoscaling_traffic_source_attachment" "meeting" {
  for_each               = toset(var.balanced ? ["green"] : [])
  autoscaling_group_name = aws_autoscaling_group.meeting.id

  traffic_source {
    identifier = aws_lb_target_group.web[each.key].arn
    type       = "elbv2"
  }
}

output "weighted" {
  value = aws_autoscaling_group.weighted.name
}

output "meeting" {
  value = aws_autoscaling_group.meeting.name
}

output "targets" {
  value = { for name, group in aws_lb_target_group.web : name => group.arn }
}

output "import" {
  value = {
    "aws_autoscaling_group.weighted" = aws_autoscaling_group.weighted.name
    "aws_autoscaling_group.meeting"  = aws_autoscaling_group.meeting.name
    "aws_launch_template.web"        = aws_launch_template.web.id
    "aws_launch_template.other"      = aws_launch_template.other.id
  }
}

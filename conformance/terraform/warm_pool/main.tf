# A group with a warm pool. Only the endpoints and the keys are Coppice's.
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

variable "pool" {
  type = object({
    state    = string
    minimum  = optional(number)
    prepared = optional(number)
    reuse    = optional(bool)
  })
  default = null
}

variable "desired" {
  type    = number
  default = 0
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
  name                   = "${var.mark}-web"
  min_size               = 0
  max_size               = 2
  desired_capacity       = var.desired
  availability_zones     = ["us-east-1a"]
  force_delete_warm_pool = true

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }

  dynamic "warm_pool" {
    for_each = var.pool == null ? [] : [var.pool]

    content {
      pool_state                  = warm_pool.value.state
      min_size                    = warm_pool.value.minimum
      max_group_prepared_capacity = warm_pool.value.prepared

      dynamic "instance_reuse_policy" {
        for_each = warm_pool.value.reuse == null ? [] : [warm_pool.value.reuse]

        content {
          reuse_on_scale_in = instance_reuse_policy.value
        }
      }
    }
  }
}

output "group" {
  value = aws_autoscaling_group.web.name
}

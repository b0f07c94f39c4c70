# A balancer in front of a group: what tutorials write, in the default VPC.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "mark" {
  type = string
}

variable "size" {
  type    = number
  default = 1
}

variable "delay" {
  type    = number
  default = 5
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    elbv2       = var.endpoint
    iam         = var.endpoint
    sts         = var.endpoint
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

data "aws_ami" "newest" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_lb" "web" {
  name               = var.mark
  load_balancer_type = "application"
  subnets            = slice(sort(data.aws_subnets.default.ids), 0, 2)
  tags               = { team = "web" }
}

resource "aws_lb_target_group" "web" {
  name                 = "${var.mark}-a"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = data.aws_vpc.default.id
  deregistration_delay = var.delay

  health_check {
    path    = "/healthy"
    matcher = "200-299"
  }
}

resource "aws_lb_target_group" "other" {
  name        = "${var.mark}-b"
  port        = 8080
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = data.aws_vpc.default.id
}

resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.web.arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.other.arn
  }

  condition {
    path_pattern {
      values = ["/api/*"]
    }
  }

  condition {
    host_header {
      values = ["example.com"]
    }
  }
}

resource "aws_lb_listener_rule" "moved" {
  listener_arn = aws_lb_listener.web.arn
  priority     = 20

  action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }

  condition {
    path_pattern {
      values = ["/old"]
    }
  }
}

resource "aws_lb_target_group_attachment" "other" {
  target_group_arn = aws_lb_target_group.other.arn
  target_id        = "172.31.255.7"
  port             = 8081
}

resource "aws_launch_template" "web" {
  name          = var.mark
  image_id      = data.aws_ami.newest.id
  instance_type = "t3.micro"
}

resource "aws_autoscaling_group" "web" {
  name                = var.mark
  min_size            = 0
  max_size            = 3
  desired_capacity    = var.size
  min_elb_capacity    = 1
  health_check_type   = "ELB"
  vpc_zone_identifier = slice(sort(data.aws_subnets.default.ids), 0, 2)
  target_group_arns   = [aws_lb_target_group.web.arn]

  launch_template {
    id      = aws_launch_template.web.id
    version = aws_launch_template.web.latest_version
  }

  depends_on = [aws_lb_listener.web]
}

output "dns_name" {
  value = aws_lb.web.dns_name
}

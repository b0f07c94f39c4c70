# What older stacks have: a classic balancer, before a group and an instance of its own, in the default network.
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
  default = 1
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    elb         = var.endpoint
    elbv2       = var.endpoint
    iam         = var.endpoint
    ssm         = var.endpoint
    sts         = var.endpoint
  }

  default_tags {
    tags = {
      stack = var.mark
    }
  }
}

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

data "aws_ami" "ubuntu" {
  most_recent = true
  owners      = ["099720109477"]

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"]
  }
}

resource "aws_key_pair" "mine" {
  key_name   = "${var.mark}-key"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN8oGHNzrPeMXwOpATxiYOfoai/bMvFtuthmtPBQICXD someone@example.com"
}

resource "aws_security_group" "elb" {
  name   = "${var.mark}-elb"
  vpc_id = data.aws_vpc.default.id

  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_elb" "web" {
  name                        = "${var.mark}-web"
  subnets                     = slice(sort(data.aws_subnets.default.ids), 0, 2)
  security_groups             = [aws_security_group.elb.id]
  instances                   = [aws_instance.alone.id]
  idle_timeout                = 400
  connection_draining         = true
  connection_draining_timeout = 5

  listener {
    instance_port     = 8000
    instance_protocol = "http"
    lb_port           = 80
    lb_protocol       = "http"
  }

  health_check {
    healthy_threshold   = 2
    unhealthy_threshold = 2
    timeout             = 3
    target              = "HTTP:8000/"
    interval            = 5
  }

  lifecycle {
    ignore_changes = [instances]
  }
}

resource "aws_lb_cookie_stickiness_policy" "web" {
  name                     = "${var.mark}-cookie"
  load_balancer            = aws_elb.web.id
  lb_port                  = 80
  cookie_expiration_period = 600
}

resource "aws_instance" "alone" {
  ami                     = data.aws_ami.ubuntu.id
  instance_type           = "t3.micro"
  key_name                = aws_key_pair.mine.key_name
  vpc_security_group_ids  = [aws_security_group.elb.id]
  disable_api_termination = false
  user_data               = "#!/bin/sh\n"

  root_block_device {
    volume_size = 16
    volume_type = "gp3"
  }

  tags = {
    Name = "${var.mark}-alone"
  }
}

resource "aws_ebs_volume" "data" {
  availability_zone = aws_instance.alone.availability_zone
  size              = 4
  type              = "gp3"
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdh"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.alone.id
}

resource "aws_launch_configuration" "old" {
  name_prefix     = "${var.mark}-"
  image_id        = data.aws_ami.ubuntu.id
  instance_type   = "t3.micro"
  key_name        = aws_key_pair.mine.key_name
  security_groups = [aws_security_group.elb.id]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "web" {
  name                 = "${var.mark}-web"
  launch_configuration = aws_launch_configuration.old.name
  availability_zones   = slice(data.aws_availability_zones.open.names, 0, 2)
  load_balancers       = [aws_elb.web.name]
  health_check_type    = "ELB"
  min_size             = 1
  max_size             = 3
  desired_capacity     = var.desired
  min_elb_capacity     = 1
}

output "group" {
  value = aws_autoscaling_group.web.name
}

output "balancer" {
  value = aws_elb.web.name
}

output "instance" {
  value = aws_instance.alone.id
}

output "import" {
  value = {
    "aws_elb.web"            = aws_elb.web.name
    "aws_key_pair.mine"      = aws_key_pair.mine.key_name
    "aws_instance.alone"     = aws_instance.alone.id
    "aws_ebs_volume.data"    = aws_ebs_volume.data.id
    "aws_security_group.elb" = aws_security_group.elb.id
  }
}

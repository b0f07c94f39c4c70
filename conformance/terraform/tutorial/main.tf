# What the tutorials build: a network of its own, a balancer, and a group behind it.
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

variable "health_path" {
  type    = string
  default = "/health"
}

variable "image" {
  type    = object({ owner = string, name = string })
  default = { owner = "amazon", name = "al2023-ami-2023.*-x86_64" }
}

variable "type" {
  type    = string
  default = "t3.micro"
}

variable "zones" {
  description = "Of its subnets; the first that there are where none are named"
  type        = list(string)
  default     = null
}

variable "served_from" {
  description = "How many of the subnets have members"
  type        = number
  default     = 2
}

variable "port" {
  type    = number
  default = 8080
}

variable "grace" {
  description = "Seconds that a member has until it has to be healthy"
  type        = number
  default     = 30
}

variable "gone" {
  description = "What is answered to who asks for what is no more: status, and text"
  type        = object({ code = string, text = optional(string) })
  default     = { code = "410", text = "gone" }
}

variable "offices" {
  description = "Where those are who keep the servers"
  type        = list(string)
  default     = ["192.0.2.0/24", "198.51.100.0/24"]
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

data "aws_ami" "linux" {
  most_recent = true
  owners      = [var.image.owner]

  filter {
    name   = "name"
    values = [var.image.name]
  }
}

locals {
  zones = var.zones == null ? data.aws_availability_zones.open.names : var.zones
}

resource "aws_vpc" "main" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true

  tags = {
    Name = var.mark
  }
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = true

  tags = {
    Name = "${var.mark}-public-${count.index}"
  }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = var.mark
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = {
    Name = "${var.mark}-public"
  }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "inside" {
  vpc_id = aws_vpc.main.id
}

resource "aws_main_route_table_association" "inside" {
  vpc_id         = aws_vpc.main.id
  route_table_id = aws_route_table.inside.id
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

resource "aws_security_group" "balancer" {
  name        = "${var.mark}-balancer"
  description = "Anyone may ask"
  vpc_id      = aws_vpc.main.id

  ingress {
    description = "the world"
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

resource "aws_security_group" "web" {
  name_prefix = "${var.mark}-web-"
  vpc_id      = aws_vpc.main.id

  ingress {
    from_port       = var.port
    to_port         = var.port
    protocol        = "tcp"
    security_groups = [aws_security_group.balancer.id]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "${var.mark}-offices"
  address_family = "IPv4"
  max_entries    = 5

  dynamic "entry" {
    for_each = var.offices

    content {
      cidr        = entry.value
      description = "of ${length(var.offices)}"
    }
  }

  tags = {
    Name = var.mark
  }
}

resource "aws_ec2_managed_prefix_list" "mirrors" {
  name           = "${var.mark}-mirrors"
  address_family = "IPv4"
  max_entries    = 5
}

resource "aws_ec2_managed_prefix_list_entry" "mirror" {
  cidr           = "203.0.113.0/24"
  description    = "of packages"
  prefix_list_id = aws_ec2_managed_prefix_list.mirrors.id
}

data "aws_ec2_managed_prefix_list" "offices" {
  name = aws_ec2_managed_prefix_list.offices.name
}

resource "aws_security_group" "kept" {
  name   = "${var.mark}-kept"
  vpc_id = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "offices" {
  security_group_id = aws_security_group.kept.id
  description       = "who keeps the servers"
  from_port         = 22
  to_port           = 22
  ip_protocol       = "tcp"
  prefix_list_id    = aws_ec2_managed_prefix_list.offices.id
}

resource "aws_security_group_rule" "mirrors" {
  security_group_id = aws_security_group.kept.id
  type              = "egress"
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  prefix_list_ids   = [aws_ec2_managed_prefix_list.mirrors.id]
}

resource "aws_lb" "web" {
  name               = "${var.mark}-web"
  load_balancer_type = "application"
  security_groups    = [aws_security_group.balancer.id]
  subnets            = aws_subnet.public[*].id

  tags = {
    Name = var.mark
  }
}

resource "aws_lb_target_group" "web" {
  name                 = "${var.mark}-web"
  port                 = var.port
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  deregistration_delay = 5

  health_check {
    path                = var.health_path
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200-299"
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_lb_listener_rule" "old" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = var.gone.text
      status_code  = var.gone.code
    }
  }

  condition {
    path_pattern {
      values = ["/old/*"]
    }
  }
}

resource "aws_launch_template" "web" {
  name_prefix            = "${var.mark}-"
  image_id               = data.aws_ami.linux.id
  instance_type          = var.type
  vpc_security_group_ids = [aws_security_group.web.id]
}

resource "aws_autoscaling_group" "web" {
  name                      = "${var.mark}-web"
  min_size                  = 1
  max_size                  = 4
  desired_capacity          = var.desired
  min_elb_capacity          = 2
  vpc_zone_identifier       = slice(aws_subnet.public[*].id, 0, var.served_from)
  target_group_arns         = [aws_lb_target_group.web.arn]
  health_check_type         = "ELB"
  health_check_grace_period = var.grace
  wait_for_capacity_timeout = "30m"

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }

  tag {
    key                 = "Name"
    value               = var.mark
    propagate_at_launch = true
  }
}

output "group" {
  value = aws_autoscaling_group.web.name
}

output "target_group" {
  value = aws_lb_target_group.web.arn
}

output "balancer" {
  value = aws_lb.web.arn
}

output "vpc" {
  value = aws_vpc.main.id
}

output "offices" {
  value = data.aws_ec2_managed_prefix_list.offices.id
}

output "import" {
  value = {
    "aws_vpc.main"                                = aws_vpc.main.id
    "aws_subnet.public[0]"                        = aws_subnet.public[0].id
    "aws_subnet.public[1]"                        = aws_subnet.public[1].id
    "aws_security_group.balancer"                 = aws_security_group.balancer.id
    "aws_internet_gateway.main"                   = aws_internet_gateway.main.id
    "aws_route_table.public"                      = aws_route_table.public.id
    "aws_route_table_association.public[0]"       = "${aws_subnet.public[0].id}/${aws_route_table.public.id}"
    "aws_network_acl.open"                        = aws_network_acl.open.id
    "aws_security_group.web"                      = aws_security_group.web.id
    "aws_ec2_managed_prefix_list.mirrors"         = aws_ec2_managed_prefix_list.mirrors.id
    "aws_security_group.kept"                     = aws_security_group.kept.id
    "aws_ec2_managed_prefix_list.offices"         = aws_ec2_managed_prefix_list.offices.id
    "aws_ec2_managed_prefix_list_entry.mirror"    = "${aws_ec2_managed_prefix_list.mirrors.id},203.0.113.0/24"
    "aws_vpc_security_group_ingress_rule.offices" = aws_vpc_security_group_ingress_rule.offices.id
    "aws_lb.web"                                  = aws_lb.web.arn
    "aws_lb_target_group.web"                     = aws_lb_target_group.web.arn
    "aws_lb_listener.http"                        = aws_lb_listener.http.arn
    "aws_lb_listener_rule.old"                    = aws_lb_listener_rule.old.arn
  }
}

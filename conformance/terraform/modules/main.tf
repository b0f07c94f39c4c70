# What the well-known modules (vpc 5.21, security-group 5, alb 9.17, autoscaling 8.3) expand to, written out.
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

variable "room" {
  type    = string
  default = "blue"
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

data "aws_ssm_parameter" "linux" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

# vpc
resource "aws_vpc" "this" {
  cidr_block                           = "10.30.0.0/16"
  instance_tenancy                     = "default"
  enable_dns_hostnames                 = true
  enable_dns_support                   = true
  enable_network_address_usage_metrics = false
  assign_generated_ipv6_cidr_block     = false

  tags = {
    Name = var.mark
  }
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = {
    Name = "${var.mark}-default"
  }
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id
  subnet_ids             = null

  ingress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    protocol   = "-1"
    rule_no    = 100
    to_port    = 0
  }

  egress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    protocol   = "-1"
    rule_no    = 100
    to_port    = 0
  }

  tags = {
    Name = "${var.mark}-default"
  }

  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_route_table" "default" {
  default_route_table_id = aws_vpc.this.default_route_table_id

  tags = {
    Name = "${var.mark}-default"
  }
}

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "${var.mark}.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.30.${100 + count.index}.0/24"
  availability_zone = data.aws_availability_zones.open.names[count.index]

  tags = {
    Name = "${var.mark}-public-${count.index}"
  }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.30.${count.index}.0/24"
  availability_zone = data.aws_availability_zones.open.names[count.index]

  tags = {
    Name = "${var.mark}-private-${count.index}"
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "public_internet_gateway" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id

  timeouts {
    create = "5m"
  }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  domain = "vpc"

  tags = {
    Name = "${var.mark}-nat"
  }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id

  tags = {
    Name = var.mark
  }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "private_nat_gateway" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

# security-group
resource "aws_security_group" "this" {
  name_prefix            = "${var.mark}-web-"
  description            = "Security Group managed by Terraform"
  vpc_id                 = aws_vpc.this.id
  revoke_rules_on_delete = false

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "ingress_rules" {
  count             = 2
  security_group_id = aws_security_group.this.id
  type              = "ingress"
  cidr_blocks       = ["10.30.0.0/16", "192.168.0.0/24"]
  description       = "rule ${count.index}"
  from_port         = [80, 443][count.index]
  to_port           = [80, 443][count.index]
  protocol          = "tcp"
}

resource "aws_security_group_rule" "ingress_with_source_security_group_id" {
  security_group_id        = aws_security_group.this.id
  type                     = "ingress"
  source_security_group_id = aws_security_group.alb.id
  from_port                = 8080
  to_port                  = 8080
  protocol                 = "tcp"
}

resource "aws_security_group_rule" "ingress_with_self" {
  security_group_id = aws_security_group.this.id
  type              = "ingress"
  self              = true
  from_port         = 0
  to_port           = 65535
  protocol          = "udp"
}

resource "aws_security_group_rule" "egress_rules" {
  security_group_id = aws_security_group.this.id
  type              = "egress"
  cidr_blocks       = ["0.0.0.0/0"]
  from_port         = -1
  to_port           = -1
  protocol          = "-1"
}

# alb
resource "aws_security_group" "alb" {
  name   = "${var.mark}-alb"
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  security_group_id = aws_security_group.alb.id
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 82
  cidr_ipv4         = "0.0.0.0/0"
  description       = "HTTP web traffic"

  tags = {
    Name = "http"
  }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.alb.id
  ip_protocol       = "-1"
  cidr_ipv4         = aws_vpc.this.cidr_block
}

resource "aws_lb" "this" {
  name                             = var.mark
  internal                         = false
  load_balancer_type               = "application"
  security_groups                  = [aws_security_group.alb.id]
  subnets                          = aws_subnet.public[*].id
  drop_invalid_header_fields       = true
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = false
  enable_http2                     = true
  idle_timeout                     = 65
  ip_address_type                  = "ipv4"
}

resource "aws_lb_target_group" "this" {
  count                             = 2
  name_prefix                       = "h${count.index}-"
  protocol                          = "HTTP"
  port                              = 8080
  target_type                       = "instance"
  vpc_id                            = aws_vpc.this.id
  deregistration_delay              = 10
  load_balancing_cross_zone_enabled = true

  health_check {
    enabled             = true
    interval            = 30
    path                = "/healthz"
    port                = "traffic-port"
    healthy_threshold   = 3
    unhealthy_threshold = 3
    timeout             = 6
    protocol            = "HTTP"
    matcher             = "200-399"
  }

  stickiness {
    enabled         = true
    type            = "lb_cookie"
    cookie_duration = 3600
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this[0].arn
        weight = 1
      }
    }
  }
}

resource "aws_lb_listener" "weighted" {
  load_balancer_arn = aws_lb.this.arn
  port              = 81
  protocol          = "HTTP"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this[0].arn
        weight = 60
      }

      target_group {
        arn    = aws_lb_target_group.this[1].arn
        weight = 40
      }

      stickiness {
        enabled  = false
        duration = 3600
      }
    }
  }
}

resource "aws_lb_listener_rule" "paths" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 1

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[1].arn
  }

  condition {
    path_pattern {
      values = ["/api/*", "/v2/*"]
    }
  }

  condition {
    host_header {
      values = ["*.example.com"]
    }
  }
}

# autoscaling
resource "aws_iam_role" "this" {
  name_prefix           = "${var.mark}-"
  path                  = "/ec2/"
  description           = "IAM role for ${var.room}"
  force_detach_policies = true

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EC2AssumeRole"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
  role       = aws_iam_role.this.name
}

resource "aws_iam_policy" "own" {
  name_prefix = "${var.mark}-"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "own" {
  policy_arn = aws_iam_policy.own.arn
  role       = aws_iam_role.this.name
}

resource "aws_iam_instance_profile" "this" {
  role        = aws_iam_role.this.name
  name_prefix = "${var.mark}-"
  path        = "/ec2/"
}

resource "aws_launch_template" "this" {
  name_prefix            = "${var.mark}-"
  image_id               = data.aws_ssm_parameter.linux.insecure_value
  instance_type          = "t3.micro"
  ebs_optimized          = false
  update_default_version = true
  vpc_security_group_ids = [aws_security_group.this.id]
  user_data              = base64encode("#!/bin/bash\necho hello\n")

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    no_device   = null

    ebs {
      delete_on_termination = true
      encrypted             = false
      volume_size           = 20
      volume_type           = "gp3"
    }
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { room = var.room }
  }
}

resource "aws_autoscaling_group" "this" {
  name_prefix               = "${var.mark}-"
  vpc_zone_identifier       = aws_subnet.private[*].id
  min_size                  = 0
  max_size                  = 3
  desired_capacity          = 2
  wait_for_capacity_timeout = "3m"
  health_check_type         = "EC2"
  max_instance_lifetime     = 604800
  enabled_metrics           = []

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  tag {
    key                 = "Name"
    value               = var.mark
    propagate_at_launch = true
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [load_balancers, target_group_arns]
  }
}

resource "aws_autoscaling_attachment" "this" {
  count                  = 2
  autoscaling_group_name = aws_autoscaling_group.this.id
  lb_target_group_arn    = aws_lb_target_group.this[count.index].arn
}

output "group" {
  value = aws_autoscaling_group.this.name
}

output "vpc" {
  value = aws_vpc.this.id
}

output "import" {
  value = {
    "aws_vpc.this"                             = aws_vpc.this.id
    "aws_subnet.public[0]"                     = aws_subnet.public[0].id
    "aws_subnet.public[1]"                     = aws_subnet.public[1].id
    "aws_internet_gateway.this"                = aws_internet_gateway.this.id
    "aws_route_table.public"                   = aws_route_table.public.id
    "aws_security_group.alb"                   = aws_security_group.alb.id
    "aws_lb.this"                              = aws_lb.this.arn
    "aws_lb_target_group.this[0]"              = aws_lb_target_group.this[0].arn
    "aws_lb_target_group.this[1]"              = aws_lb_target_group.this[1].arn
    "aws_default_security_group.this"          = aws_default_security_group.this.id
    "aws_default_network_acl.this"             = aws_default_network_acl.this.id
    "aws_default_route_table.default"          = aws_vpc.this.id
    "aws_vpc_dhcp_options.this"                = aws_vpc_dhcp_options.this.id
    "aws_route.public_internet_gateway"        = "${aws_route_table.public.id}_0.0.0.0/0"
    "aws_eip.nat"                              = aws_eip.nat.id
    "aws_nat_gateway.this"                     = aws_nat_gateway.this.id
    "aws_vpc_security_group_ingress_rule.http" = aws_vpc_security_group_ingress_rule.http.id
    "aws_lb_listener.weighted"                 = aws_lb_listener.weighted.arn
    "aws_iam_role.this"                        = aws_iam_role.this.name
    "aws_iam_policy.own"                       = aws_iam_policy.own.arn
    "aws_iam_instance_profile.this"            = aws_iam_instance_profile.this.name
    "aws_iam_role_policy_attachment.this"      = "${aws_iam_role.this.name}/arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
  }
}

${databases}

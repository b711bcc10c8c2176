module lab/byo-agent

go 1.24

(asdf:defsystem "job-server"
  :description "A TCP job server: clients submit work, worker threads do it."
  :license "MIT"
  :depends-on ("sb-bsd-sockets")
  :serial t
  :components ((:file "package")
               (:file "queue")
               (:file "jobs")
               (:file "server")))

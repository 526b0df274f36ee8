(defpackage #:job-server
  (:use #:common-lisp)
  (:export #:start #:stop #:port))

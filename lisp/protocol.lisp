;;;; Generated from server/image/protocol.ts by `npm run generate`; do not edit.

(in-package :hotlisp)

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defparameter *contract*
    '(:digest "654f8c3e65c7bec53713a67291bab12a8722bb78110cfcf759b2e2a9eaa263e2"
       :shapes
       ((:definition-name
          (:kind "kind" :required (:enum "function" "macro" "generic-function" "method" "variable" "constant" "class" "condition" "structure" "type" "compiler-macro" "symbol-macro" "setf-expander" "package" "method-combination" "declaration" "other"))
          (:name "name" :required :string)
          (:qualifiers "qualifiers" :optional (:array :string))
          (:specializers "specializers" :optional (:array :string)))
         (:form
          (:text "text" :required :string)
          (:package "package" :required :string)
          (:readtable "readtable" :optional :string)
          (:policy "policy" :optional (:array (:object
                                       (:quality "quality" :required :string)
                                       (:value "value" :required :integer))))
          (:file "file" :optional :string)
          (:byte-offset "byteOffset" :required :integer)
          (:line "line" :required :integer)
          (:column "column" :required :integer)
          (:index "index" :required :integer)
          (:digest "digest" :required :string)
          (:unsaved "unsaved" :optional :boolean)
          (:definitions "definitions" :required (:array (:shape :definition-name)))
          (:evaluates "evaluates" :required :boolean))
         (:definition
          (:kind "kind" :required :string)
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:change "change" :required (:enum "new" "redefined" "unchanged" "removed")))
         (:hazard
          (:kind "kind" :required :string)
          (:message "message" :required :string))
         (:migration
          (:added "added" :required (:array :string))
          (:dropped "dropped" :required (:array :string)))
         (:assessment
          (:form "form" :required :integer)
          (:definition "definition" :required (:shape :definition))
          (:class "class" :required (:enum "unchanged" "safe" "dependents" "migration" "hazardous"))
          (:hazard "hazard" :optional (:shape :hazard))
          (:migration "migration" :optional (:shape :migration))
          (:leaves "leaves" :optional (:array :string))
          (:installed "installed" :optional :string)
          (:file "file" :optional :string)
          (:file-write-date "fileWriteDate" :optional :integer))
         (:thread-reference
          (:id "id" :required :integer)
          (:name "name" :required :string))
         (:thread-inside
          (:id "id" :required :integer)
          (:name "name" :required :string)
          (:runs "runs" :required (:enum "yes" "unknown")))
         (:thread
          (:id "id" :required :integer)
          (:name "name" :required :string)
          (:state "state" :required (:enum "running" "blocked" "unknown"))
          (:main "main" :required :boolean)
          (:agent "agent" :optional :boolean)
          (:runs "runs" :optional (:enum "yes" "no" "unknown"))
          (:replaced "replaced" :optional :boolean))
         (:note
          (:severity "severity" :required (:enum "error" "warning" "style-warning" "note"))
          (:message "message" :required :string)
          (:condition "condition" :required :string)
          (:form "form" :required :integer)
          (:start "start" :optional :integer)
          (:end "end" :optional :integer))
         (:frame
          (:number "number" :required :integer)
          (:text "text" :required :string)
          (:file "file" :optional :string)
          (:byte-offset "byteOffset" :optional :integer))
         (:condition
          (:type "type" :required :string)
          (:text "text" :required :string)
          (:backtrace "backtrace" :required (:array (:shape :frame))))
         (:restart
          (:number "number" :required :integer)
          (:name "name" :required :string)
          (:report "report" :required :string)
          (:needs-input "needsInput" :required :boolean))
         (:local
          (:name "name" :required :string)
          (:value "value" :required :string))
         (:part
          (:number "number" :required :integer)
          (:label "label" :required :string)
          (:value "value" :required :string)
          (:opens "opens" :required :boolean))
         (:inspected
          (:object "object" :required :integer)
          (:type "type" :required :string)
          (:text "text" :required :string)
          (:parts "parts" :required (:array (:shape :part)))
          (:total "total" :required :integer))
         (:named
          (:name "name" :required :string)
          (:external "external" :required :boolean)
          (:kinds "kinds" :required (:array :string)))
         (:location
          (:kind "kind" :required :string)
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:file "file" :optional :string)
          (:byte-offset "byteOffset" :optional :integer)
          (:form "form" :optional :integer)
          (:file-write-date "fileWriteDate" :optional :integer)
          (:digest "digest" :optional :string))
         (:user
          (:kind "kind" :required :string)
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:file "file" :optional :string)
          (:byte-offset "byteOffset" :optional :integer)
          (:form "form" :optional :integer)
          (:file-write-date "fileWriteDate" :optional :integer)
          (:digest "digest" :optional :string)
          (:how "how" :required :string))
         (:placed-name
          (:definition "definition" :required (:shape :definition-name))
          (:package "package" :required :string))
         (:text-definition
          (:definition "definition" :required (:shape :definition-name))
          (:package "package" :required :string)
          (:digest "digest" :required :string))
         (:held
          (:status "status" :required (:enum "absent" "unknown" "installed" "client" "file" "unfiled"))
          (:digest "digest" :optional :string)
          (:text "text" :optional :string)
          (:package "package" :optional :string)
          (:unsaved "unsaved" :optional :boolean)
          (:since "since" :optional :integer)
          (:file "file" :optional :string)
          (:file-write-date "fileWriteDate" :optional :integer))
         (:stray
          (:definition "definition" :required (:shape :definition-name))
          (:package "package" :required :string)
          (:home "home" :required :string)
          (:held "held" :required (:shape :held)))
         (:dependent
          (:kind "kind" :required :string)
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:file "file" :optional :string)
          (:byte-offset "byteOffset" :optional :integer)
          (:form "form" :optional :integer)
          (:file-write-date "fileWriteDate" :optional :integer)
          (:digest "digest" :optional :string)
          (:of "of" :required (:array :integer)))
         (:mention
          (:of "of" :required :integer)
          (:kind "kind" :required :string)
          (:name "name" :required :string)
          (:packages "packages" :required (:array :string))
          (:everywhere "everywhere" :required :boolean))
         (:setter
          (:function "function" :required :string)
          (:variables "variables" :required (:array :string))
          (:tables "tables" :required (:array :string)))
         (:change
          (:status "status" :required (:enum "applied" "failed" "partial" "unchanged"))
          (:assessments "assessments" :optional (:array (:shape :assessment)))
          (:transaction "transaction" :required :string)
          (:generation "generation" :required :integer)
          (:step "step" :optional (:enum "read" "compile" "load" "install"))
          (:definitions "definitions" :required (:array (:shape :definition)))
          (:notes "notes" :required (:array (:shape :note)))
          (:output "output" :required :string)
          (:threads "threads" :required (:array (:shape :thread-inside)))
          (:condition "condition" :optional (:shape :condition))
          (:constants "constants" :optional (:array (:shape :changed-constant)))
          (:remains "remains" :required (:array :string))
          (:elapsed "elapsed" :required :integer))
         (:file-note
          (:severity "severity" :required (:enum "error" "warning" "style-warning" "note"))
          (:message "message" :required :string)
          (:condition "condition" :required :string)
          (:file "file" :optional :string)
          (:start "start" :optional :integer)
          (:end "end" :optional :integer))
         (:loaded-file
          (:file "file" :required :string)
          (:compiled "compiled" :required :boolean)
          (:loaded "loaded" :required :boolean)
          (:elapsed "elapsed" :required :integer))
         (:system-file
          (:file "file" :required :string)
          (:loaded "loaded" :required :boolean)
          (:stale "stale" :required :boolean)
          (:compiles "compiles" :required :boolean)
          (:digest "digest" :optional :string)
          (:constants "constants" :required :boolean))
         (:system-dependency
          (:name "name" :required :string)
          (:asd "asd" :optional :string)
          (:redefined "redefined" :required :boolean)
          (:files "files" :required (:array (:shape :system-file))))
         (:source-digest
          (:file "file" :required :string)
          (:digest "digest" :required :string))
         (:constant-name
          (:name "name" :required :string)
          (:package "package" :required :string))
         (:changed-constant
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:from "from" :required :string)
          (:to "to" :required :string))
         (:package-file
          (:file "file" :required :string)
          (:system "system" :optional :string)
          (:definitions "definitions" :required :integer)
          (:stale "stale" :required :boolean))
         (:known-name
          (:name "name" :required :string)
          (:package "package" :required :string)
          (:is "is" :required :string)
          (:external "external" :required :boolean))
         (:slot-facts
          (:name "name" :required :string)
          (:initargs "initargs" :required (:array :string))
          (:type "type" :optional :string)
          (:documentation "documentation" :optional :string))
         (:facts
          (:kind "kind" :required (:enum "special-operator" "macro" "function" "generic-function" "setf-function" "setf-expander" "variable" "constant" "symbol-macro" "class" "structure" "condition" "type"))
          (:lambda-list "lambdaList" :optional :string)
          (:documentation "documentation" :optional :string)
          (:type "type" :optional :string)
          (:declared "declared" :optional :boolean)
          (:value "value" :optional :string)
          (:file "file" :optional :string)
          (:file-write-date "fileWriteDate" :optional :integer)
          (:supers "supers" :optional (:array :string))
          (:slots "slots" :optional (:array (:shape :slot-facts))))
         (:method-facts
          (:qualifiers "qualifiers" :required (:array :string))
          (:specializers "specializers" :required (:array :string))
          (:lambda-list "lambdaList" :required :string))
         (:standing
          (:defined "defined" :required :boolean)
          (:digest "digest" :optional :string)
          (:file "file" :optional :string)
          (:file-write-date "fileWriteDate" :optional :integer)))
       :operations
       ((:hello :writes nil
          :arguments ((:digest "digest" :required :string)
                      (:client "client" :required :string)
                      (:roots "roots" :required (:array :string)))
          :result (:object
            (:digest "digest" :required :string)
            (:image "image" :required :string)
            (:pid "pid" :required :integer)
            (:implementation "implementation" :required :string)
            (:version "version" :required :string)
            (:machine "machine" :required :string)
            (:directory "directory" :required :string)
            (:read-only "readOnly" :required :boolean)
            (:generation "generation" :required :integer)
            (:features "features" :required (:array :string))
            (:capabilities "capabilities" :required (:array :string))
            (:missing "missing" :required (:array :string))
            (:belongs "belongs" :required :boolean)))
         (:check :writes nil
          :arguments ((:forms "forms" :required (:array (:shape :form)))
                      (:threads "threads" :required :boolean))
          :result (:object
            (:generation "generation" :required :integer)
            (:assessments "assessments" :required (:array (:shape :assessment)))
            (:threads "threads" :required (:array (:shape :thread-inside)))))
         (:setters :writes nil
          :arguments ((:forms "forms" :required (:array (:shape :form)))
                      (:calls "calls" :required (:array (:object
                                                 (:form "form" :required :integer)
                                                 (:name "name" :required :string)))))
          :result (:object
            (:setters "setters" :required (:array (:shape :setter)))))
         (:dependents :writes nil
          :arguments ((:definitions "definitions" :required (:array (:shape :placed-name))))
          :result (:object
            (:dependents "dependents" :required (:array (:shape :dependent)))
            (:mentions "mentions" :required (:array (:shape :mention)))))
         (:instances :writes nil
          :arguments ((:definition "definition" :required (:shape :definition-name))
                      (:package "package" :required :string)
                      (:seconds "seconds" :required :integer))
          :result (:object
            (:class "class" :required :string)
            (:count "count" :required :integer)
            (:whole "whole" :required :boolean)))
         (:callers :writes nil
          :arguments ((:definitions "definitions" :required (:array (:shape :placed-name))))
          :result (:object
            (:counts "counts" :required (:array :integer))))
         (:drift :writes nil
          :arguments ((:file "file" :required :string)
                      (:stamp "stamp" :optional :string)
                      (:definitions "definitions" :required (:array (:shape :text-definition)))
                      (:packages "packages" :required (:array :string)))
          :result (:object
            (:stamp "stamp" :optional :string)
            (:unchanged "unchanged" :required :boolean)
            (:held "held" :required (:array (:shape :held)))
            (:strays "strays" :required (:array (:shape :stray)))))
         (:apply :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:generation "generation" :optional :integer)
                      (:only-safe "onlySafe" :optional :boolean)
                      (:forms "forms" :required (:array (:shape :form))))
          :result (:shape :change))
         (:past :writes nil
          :arguments ((:transaction "transaction" :required :string))
          :result (:object
            (:parts "parts" :required (:array (:object
                                       (:transaction "transaction" :required :string)
                                       (:undone "undone" :required :boolean)
                                       (:definitions "definitions" :required (:array (:shape :definition))))))))
         (:undo :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:force "force" :required :boolean))
          :result (:shape :change))
         (:redo :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:force "force" :required :boolean))
          :result (:shape :change))
         (:source :writes nil
          :arguments ((:symbol "symbol" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:locations "locations" :required (:array (:shape :location)))))
         (:relatives :writes nil
          :arguments ((:symbol "symbol" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:supertypes "supertypes" :required (:array (:shape :location)))
            (:subtypes "subtypes" :required (:array (:shape :location)))))
         (:eval :writes t
          :arguments ((:code "code" :required :string)
                      (:package "package" :optional :string)
                      (:readtable "readtable" :optional :string)
                      (:syntax "syntax" :optional (:array (:object
                                                   (:text "text" :required :string)
                                                   (:package "package" :required :string))))
                      (:place "place" :optional (:object
                                                 (:file "file" :required :string)
                                                 (:byte-offset "byteOffset" :required :integer)
                                                 (:index "index" :required :integer)))
                      (:output-limit "outputLimit" :required :integer)
                      (:patience "patience" :optional :integer)
                      (:keep "keep" :optional :boolean))
          :result (:object
            (:status "status" :required (:enum "evaluated" "unreadable" "signalled"))
            (:values "values" :required (:array :string))
            (:results "results" :required (:array (:array :string)))
            (:output "output" :required :string)
            (:truncated "truncated" :required :boolean)
            (:cut "cut" :required :boolean)
            (:notes "notes" :required (:array (:shape :note)))
            (:condition "condition" :optional (:shape :condition))
            (:restarts "restarts" :required (:array :string))
            (:inspected "inspected" :optional (:shape :inspected))
            (:package "package" :required :string)
            (:elapsed "elapsed" :required :integer)))
         (:restart :writes t
          :arguments ((:request "request" :required :integer)
                      (:question "question" :required :integer)
                      (:restart "restart" :required :integer))
          :result (:object
            (:taken "taken" :required :boolean)))
         (:locals :writes t
          :arguments ((:request "request" :required :integer)
                      (:question "question" :required :integer)
                      (:frame "frame" :required :integer))
          :result (:object
            (:known "known" :required :boolean)
            (:locals "locals" :required (:array (:shape :local)))))
         (:inspect :writes t
          :arguments ((:object "object" :optional :integer)
                      (:part "part" :optional :integer)
                      (:symbol "symbol" :optional :string)
                      (:package "package" :optional :string))
          :result (:object
            (:inspected "inspected" :required (:shape :inspected))))
         (:describe :writes t
          :arguments ((:symbol "symbol" :required :string)
                      (:package "package" :optional :string)
                      (:what "what" :required (:enum "describe" "disassemble"))
                      (:output-limit "outputLimit" :required :integer))
          :result (:object
            (:text "text" :required :string)
            (:complete "complete" :required :boolean)))
         (:apropos :writes nil
          :arguments ((:pattern "pattern" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:total "total" :required :integer)
            (:symbols "symbols" :required (:array (:shape :named)))))
         (:users :writes nil
          :arguments ((:symbol "symbol" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:users "users" :required (:array (:shape :user)))))
         (:trace :writes t
          :arguments ((:function "function" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:function "function" :required :string)))
         (:threads :writes nil
          :arguments ((:symbol "symbol" :optional :string)
                      (:transaction "transaction" :optional :string))
          :result (:object
            (:threads "threads" :required (:array (:shape :thread)))))
         (:fasl :writes nil
          :arguments ((:path "path" :required :string))
          :result (:object
            (:file "file" :required :string)
            (:size "size" :required :integer)
            (:digest "digest" :required :string)
            (:version "version" :required :string)
            (:expected "expected" :required :string)
            (:mismatch "mismatch" :optional :string)
            (:complete "complete" :required :boolean)
            (:source "source" :optional :string)))
         (:load-fasl :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:path "path" :required :string)
                      (:digest "digest" :required :string)
                      (:constants "constants" :optional (:array (:shape :constant-name))))
          :result (:shape :change))
         (:system :writes nil
          :arguments ((:name "name" :required :string)
                      (:force "force" :required (:enum "none" "system" "all")))
          :result (:object
            (:name "name" :required :string)
            (:asd "asd" :optional :string)
            (:root "root" :optional :string)
            (:version "version" :optional :string)
            (:depends-on "dependsOn" :required (:array :string))
            (:registered "registered" :required :boolean)
            (:redefined "redefined" :required :boolean)
            (:loaded "loaded" :required :boolean)
            (:files "files" :required (:array (:shape :system-file)))
            (:dependencies "dependencies" :required (:array (:shape :system-dependency)))))
         (:load-system :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:system "system" :required :string)
                      (:force "force" :required (:enum "none" "system" "all"))
                      (:asd "asd" :optional :string)
                      (:sources "sources" :required (:array (:shape :source-digest)))
                      (:constants "constants" :optional (:array (:shape :constant-name))))
          :result (:object
            (:change "change" :required (:shape :change))
            (:notes "notes" :required (:array (:shape :file-note)))
            (:files "files" :required (:array (:shape :loaded-file)))))
         (:files :writes nil
          :arguments ((:package "package" :required :string))
          :result (:object
            (:package "package" :required :string)
            (:files "files" :required (:array (:shape :package-file)))))
         (:backtrace :writes nil
          :arguments ((:thread "thread" :required :integer))
          :result (:object
            (:thread "thread" :required (:shape :thread-reference))
            (:state "state" :required (:enum "running" "blocked" "unknown"))
            (:how "how" :required (:enum "asked" "seen" "unanswered"))
            (:frames "frames" :required (:array (:shape :frame)))))
         (:interrupt :writes t
          :arguments ((:thread "thread" :required :integer)
                      (:name "name" :required :string))
          :result (:object
            (:thread "thread" :required (:shape :thread-reference))
            (:restart "restart" :optional :string)
            (:ended "ended" :required :boolean)))
         (:terminate :writes t
          :arguments ((:thread "thread" :required :integer)
                      (:name "name" :required :string))
          :result (:object
            (:thread "thread" :required (:shape :thread-reference))
            (:ended "ended" :required :boolean)))
         (:macroexpand :writes nil
          :arguments ((:text "text" :required :string)
                      (:package "package" :required :string)
                      (:readtable "readtable" :optional :string)
                      (:all "all" :required :boolean))
          :result (:object
            (:expansion "expansion" :required :string)
            (:package "package" :required :string)
            (:changed "changed" :required :boolean)))
         (:macros :writes nil
          :arguments ((:package "package" :required :string)
                      (:names "names" :required (:array :string)))
          :result (:object
            (:macros "macros" :required (:array (:object
                                         (:name "name" :required :string)
                                         (:shape "shape" :required :string))))))
         (:removal :writes nil
          :arguments ((:definitions "definitions" :required (:array (:shape :definition-name)))
                      (:package "package" :required :string))
          :result (:object
            (:definitions "definitions" :required (:array (:shape :definition)))
            (:callers "callers" :required (:array :string))))
         (:remove :writes t
          :arguments ((:transaction "transaction" :required :string)
                      (:definitions "definitions" :required (:array (:shape :definition-name)))
                      (:package "package" :required :string))
          :result (:shape :change))
         (:complete :writes nil
          :arguments ((:what "what" :required (:enum "symbols" "functions" "classes" "keywords" "packages" "systems"))
                      (:pattern "pattern" :required :string)
                      (:package "package" :optional :string)
                      (:prefix "prefix" :optional :string)
                      (:internal "internal" :required :boolean)
                      (:limit "limit" :required :integer))
          :result (:object
            (:names "names" :required (:array (:shape :known-name)))
            (:more "more" :required :boolean)))
         (:about :writes nil
          :arguments ((:name "name" :required :string)
                      (:package "package" :optional :string)
                      (:definition "definition" :optional (:shape :definition-name)))
          :result (:object
            (:found "found" :required :boolean)
            (:name "name" :required :string)
            (:package "package" :required :string)
            (:external "external" :required :boolean)
            (:facts "facts" :required (:array (:shape :facts)))
            (:methods "methods" :required (:array (:shape :method-facts)))
            (:installed "installed" :optional (:shape :standing))))
         (:about-package :writes nil
          :arguments ((:name "name" :required :string)
                      (:package "package" :optional :string))
          :result (:object
            (:found "found" :required :boolean)
            (:name "name" :required :string)
            (:nicknames "nicknames" :required (:array :string))
            (:uses "uses" :required (:array :string))
            (:documentation "documentation" :optional :string)
            (:exports "exports" :required :integer)
            (:locked "locked" :required :boolean)))
         (:cancel :writes nil
          :arguments ((:request "request" :required :integer))
          :result (:object
            (:found "found" :required :boolean))))
       :events
       ((:output
          (:stream "stream" :required (:enum "stdout" "stderr"))
          (:text "text" :required :string))
         (:progress
          (:message "message" :required :string)
          (:done "done" :optional :integer)
          (:total "total" :optional :integer))
         (:debugger
          (:request "request" :required :integer)
          (:question "question" :required :integer)
          (:depth "depth" :required :integer)
          (:condition "condition" :required (:shape :condition))
          (:start "start" :required :integer)
          (:end "end" :required :integer)
          (:restarts "restarts" :required (:array (:shape :restart))))
         (:features
          (:features "features" :required (:array :string))))
       :error
       ((:kind "kind" :required (:enum "invalid-request" "unknown-package" "unknown-symbol" "unknown-system" "unknown-transaction" "fasl-mismatch" "changed" "read-only" "stale-generation" "superseded" "not-safe" "cancelled" "signalled"))
        (:message "message" :required :string)
        (:condition "condition" :optional (:shape :condition))
        (:form "form" :optional :integer)))
    "The wire contract. A member is (keyword \"jsonName\" :required-or-:optional type); a type is :STRING, :INTEGER, :BOOLEAN,
(:ENUM string...), (:ARRAY type), (:SHAPE keyword) or (:OBJECT member...)."))

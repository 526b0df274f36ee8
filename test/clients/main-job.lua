-- The main job, step by step as mainJob.ts follows it.
local person = dofile(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2)) .. '/person.lua')

person.run(function()
  local client = person.attached()
  local file = vim.api.nvim_buf_get_name(0)
  person.report('attached', { version = tostring(vim.version()), encoding = client.offset_encoding, root = client.config.root_dir })

  person.replace('(incf *visits*)', '(incf *visits*')
  person.report('unbalanced', person.error_at_place())
  person.replace('(incf *visits*', '(incf *visits*)')
  person.wait('the diagnostics to go', function()
    return #person.errors() == 0
  end)
  person.report('balanced')

  person.replace('"old ~A ~A"', '"denied ~A ~A"')
  person.act('Reload hello', '(defun hello', 'Deny')
  person.report('denied', { message = person.told('denied'), prompts = person.prompts })
  person.go_on('after-deny')

  person.act('Reload hello', '(defun hello', 'dismissed: no such title')
  person.told('not approved')

  person.replace('"denied ~A ~A"', '"new ~A ~A"')
  person.act('Reload hello', '(defun hello', 'Show Diff', 'Approve')
  local message = person.told('reload form: ')
  local diff
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
    diff = diff or (vim.api.nvim_buf_get_name(buffer) ~= file and text:find('+  (format', 1, true) and text)
  end
  person.report('approved', { message = message, prompts = person.prompts, diff = diff or table.concat(person.messages, '\n') })
  vim.cmd('buffer ' .. file .. ' | only')
  person.go_on('after-approve')

  person.replace('(incf *visits*)', '(let ((a 1 2)) a)')
  person.act('Reload hello', '(defun hello', 'Approve')
  person.told('failed')
  person.report('refused', person.error_at_place())
  person.replace('(let ((a 1 2)) a)', '(incf *visits*)')

  person.roll_back()
  person.report('rolled-back', { message = person.told('roll back'), prompts = person.prompts })
  person.go_on('after-rollback')

  person.replace('"ä"', '"😀ä"')
  person.act('Reload hello', '(defun hello', 15, 'Approve')
  person.report('late', { message = person.told('reload form: '), prompts = person.prompts })
  person.go_on('after-late')

  vim.cmd.edit(vim.env.HOTLISP_TEST_CRLF)
  person.attached()
  person.replace('😀 <p>', '😀😀 <p>')
  person.act('Reload page', '(defun page', 'Approve')
  person.report('crlf', { message = person.told('reload form: '), coding = vim.bo.fileformat })
  person.go_on('after-crlf')
  person.replace('(format nil', '(let ((b 1 2)) b) (format nil')
  person.act('Reload page', '(defun page', 'Approve')
  person.told('failed')
  person.report('crlf-refused', person.error_at_place())
  vim.cmd('edit!')

  client.settings = vim.tbl_deep_extend('force', client.settings or client.config.settings, {
    hotlisp = { approval = { timeoutSeconds = 2 } },
  })
  client.config.settings = client.settings
  person.call(client, 'notify', 'workspace/didChangeConfiguration', { settings = client.settings })
  vim.cmd.buffer(file)
  person.replace('"new ~A ~A"', '"never ~A ~A"')
  person.act('Reload hello', '(defun hello', 'silence')
  person.report('unanswered', { message = person.told('nobody answered'), prompts = person.prompts })
  person.go_on('after-unanswered')

  person.report('killing', { pid = person.process_of_server() })
  person.wait('the end of the server', function()
    return #vim.lsp.get_clients({ name = 'hotlisp' }) == 0
  end)
  -- Neovim starts it again when a buffer is opened.
  vim.cmd.write()
  vim.cmd.edit()
  person.attached()
  person.act('Reload hello', '(defun hello', 'Approve')
  person.report('restarted', { message = person.told('reload form: ') })
  person.go_on('after-restart')

  person.progress = {}
  person.act('Reload system web-app', '(defun hello', 'Approve')
  person.wait('progress', function()
    return vim.list_contains(person.progress, 'Reload system')
  end)
  person.report('compiling', { progress = table.concat(person.progress, '\n') })
  person.report('system', { message = person.told('reload system') })
  person.go_on('after-system')

  person.replace('"never ~A ~A"', '"again ~A ~A"')
  person.messages = {}
  person.report('connected')
  person.go_on('image-restarted')
  person.told('the image is gone')
  local lost = #person.messages
  person.act('Reload hello', '(defun hello', 'Approve')
  person.report('reconnected', { message = person.told('reload form: '), lost = lost })
  person.go_on('after-reconnect')
  person.leave()
end)

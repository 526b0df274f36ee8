-- Runs inside a headless Neovim, opened on the web application's file. Does what a person does, with Neovim's own functions,
-- and reports every step as one line of JSON on standard output.

local function report(step, data)
  io.stdout:write(vim.json.encode(vim.tbl_extend('force', { step = step }, data or {})) .. '\n')
  io.stdout:flush()
end

local function wait(what, condition)
  if not vim.wait(60000, condition, 10) then
    error('waited for ' .. what)
  end
end

local function go_on(name)
  local file = vim.env.HOTLISP_TEST_FOLDER .. '/' .. name
  wait('the test to go on: ' .. name, function()
    return vim.uv.fs_stat(file) ~= nil
  end)
end

-- The person: chooses a code action by its title and answers prompts in the order of the script. An answer is a title, a number of
-- seconds to wait before the next answer, or 'silence'.
local wanted_action, answers, prompts = nil, {}, {}
vim.ui.select = function(items, options, on_choice)
  local format = options.format_item or tostring
  local titles = vim.tbl_map(format, items)
  if options.kind == 'codeaction' then
    for number, title in ipairs(titles) do
      if vim.startswith(title, wanted_action) then
        return on_choice(items[number], number)
      end
    end
    error('no code action ' .. wanted_action .. ' among ' .. table.concat(titles, ', '))
  end
  table.insert(prompts, { kind = options.kind, prompt = options.prompt, titles = titles })
  local function answer()
    local given = table.remove(answers, 1)
    if type(given) == 'number' then
      return vim.defer_fn(answer, given * 1000)
    elseif given == 'silence' then
      return
    end
    for number, title in ipairs(titles) do
      if title == given then
        return on_choice(items[number], number)
      end
    end
    on_choice(nil, nil)
  end
  answer()
end

local messages, progress = {}, {}
local show = vim.lsp.handlers['window/showMessage']
vim.lsp.handlers['window/showMessage'] = function(err, params, ctx, config)
  table.insert(messages, params.message)
  return show and show(err, params, ctx, config)
end
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(progress, event.data.params.value.title)
  end,
})

-- The message, once it came.
local function told(pattern)
  local found
  wait('a message like ' .. pattern, function()
    for _, message in ipairs(messages) do
      if message:lower():find(pattern) then
        found = message
        return true
      end
    end
    return false
  end)
  return found
end

local function replace(old, new)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local from, to = line:find(old, 1, true)
    if from then
      vim.api.nvim_buf_set_text(0, number - 1, from - 1, number - 1, to, { new })
      return
    end
  end
  error(old .. ' is not in the buffer')
end

local function asked()
  wait('the prompt', function()
    return #prompts > 0
  end)
end

local function act(title, place, ...)
  messages, prompts, answers = {}, {}, { ... }
  wanted_action = title
  vim.fn.search(place, 'w')
  vim.lsp.buf.code_action()
  asked()
end

local function errors()
  return vim.tbl_filter(function(each)
    return each.severity == vim.diagnostic.severity.ERROR
  end, vim.diagnostic.get(0))
end

local function error_at_place()
  wait('a diagnostic', function()
    return #errors() > 0
  end)
  local found = errors()[1]
  local line = vim.api.nvim_buf_get_lines(0, found.lnum, found.lnum + 1, false)[1]
  return { message = found.message, text = line:sub(found.col + 1) }
end

local function attached()
  local client
  wait('the server', function()
    client = vim.lsp.get_clients({ name = 'hotlisp', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  return client
end

local is_new = vim.fn.has('nvim-0.11') == 1
local function call(client, method, ...)
  if is_new then
    return client[method](client, ...)
  end
  return client[method](...)
end

local function process_of_server()
  local answer
  local handle = io.popen('ps -o pid= -o args= --ppid ' .. vim.uv.os_getpid())
  for line in handle:lines() do
    answer = answer or (line:find('hotlisp.js', 1, true) and tonumber(line:match('%d+')))
  end
  handle:close()
  return answer or error('no server among the processes')
end

local function roll_back()
  messages, prompts, answers = {}, {}, { 'Approve' }
  vim.cmd.HotlispRollback()
  asked()
end

local function main()
  local client = attached()
  local file = vim.api.nvim_buf_get_name(0)
  report('attached', { version = tostring(vim.version()), encoding = client.offset_encoding, root = client.config.root_dir })

  replace('(incf *visits*)', '(incf *visits*')
  report('unbalanced', error_at_place())
  replace('(incf *visits*', '(incf *visits*)')
  wait('the diagnostics to go', function()
    return #errors() == 0
  end)
  report('balanced')

  replace('"old ~A ~A"', '"denied ~A ~A"')
  act('Reload hello', '(defun hello', 'Deny')
  report('denied', { message = told('denied'), prompts = prompts })
  go_on('after-deny')

  act('Reload hello', '(defun hello', 'dismissed: no such title')
  told('not approved')

  replace('"denied ~A ~A"', '"new ~A ~A"')
  act('Reload hello', '(defun hello', 'Show Diff', 'Approve')
  local message = told('reload form: ')
  local diff
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
    diff = diff or (vim.api.nvim_buf_get_name(buffer) ~= file and text:find('+  (format', 1, true) and text)
  end
  report('approved', { message = message, prompts = prompts, diff = diff or table.concat(messages, '\n') })
  vim.cmd('buffer ' .. file .. ' | only')
  go_on('after-approve')

  replace('(incf *visits*)', '(let ((a 1 2)) a)')
  act('Reload hello', '(defun hello', 'Approve')
  told('failed')
  report('refused', error_at_place())
  replace('(let ((a 1 2)) a)', '(incf *visits*)')

  roll_back()
  report('rolled-back', { message = told('roll back'), prompts = prompts })
  go_on('after-rollback')

  replace('"ä"', '"😀ä"')
  act('Reload hello', '(defun hello', 15, 'Approve')
  report('late', { message = told('reload form: '), prompts = prompts })
  go_on('after-late')

  vim.cmd.edit(vim.env.HOTLISP_TEST_CRLF)
  attached()
  replace('😀 <p>', '😀😀 <p>')
  act('Reload page', '(defun page', 'Approve')
  report('crlf', { message = told('reload form: '), coding = vim.bo.fileformat })
  go_on('after-crlf')
  replace('(format nil', '(let ((b 1 2)) b) (format nil')
  act('Reload page', '(defun page', 'Approve')
  told('failed')
  report('crlf-refused', error_at_place())
  vim.cmd('edit!')

  client.settings = vim.tbl_deep_extend('force', client.settings or client.config.settings, {
    hotlisp = { approval = { timeoutSeconds = 2 } },
  })
  client.config.settings = client.settings
  call(client, 'notify', 'workspace/didChangeConfiguration', { settings = client.settings })
  vim.cmd.buffer(file)
  replace('"new ~A ~A"', '"never ~A ~A"')
  act('Reload hello', '(defun hello', 'silence')
  report('unanswered', { message = told('nobody answered'), prompts = prompts })
  go_on('after-unanswered')

  report('killing', { pid = process_of_server() })
  wait('the end of the server', function()
    return #vim.lsp.get_clients({ name = 'hotlisp' }) == 0
  end)
  -- Neovim starts it again when a buffer is opened.
  vim.cmd.write()
  vim.cmd.edit()
  attached()
  act('Reload hello', '(defun hello', 'Approve')
  report('restarted', { message = told('reload form: ') })
  go_on('after-restart')

  progress = {}
  act('Reload system web-app', '(defun hello', 'Approve')
  wait('progress', function()
    return vim.list_contains(progress, 'Reload system')
  end)
  report('compiling', { progress = table.concat(progress, '\n') })
  report('system', { message = told('reload system') })
  go_on('after-system')

  replace('"never ~A ~A"', '"again ~A ~A"')
  messages = {}
  report('connected')
  go_on('image-restarted')
  told('the image is gone')
  local lost = #messages
  act('Reload hello', '(defun hello', 'Approve')
  report('reconnected', { message = told('reload form: '), lost = lost })
  go_on('after-reconnect')
  for _, each in ipairs(vim.lsp.get_clients()) do
    call(each, 'stop')
  end
  wait('the server to end', function()
    return #vim.lsp.get_clients() == 0
  end)
end

local ok, failure = xpcall(main, debug.traceback)
if not ok then
  report('failed', { error = failure, messages = messages, prompts = prompts, progress = progress })
end
vim.cmd(ok and 'qall!' or 'cquit! 1')

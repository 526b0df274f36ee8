-- Runs inside a headless Neovim, opened on the web application's file. Does what a person does, with Neovim's own functions,
-- and reports every step as one line of JSON on standard output.

local function report(step, data)
  io.stdout:write(vim.json.encode(vim.tbl_extend('force', { step = step }, data or {})) .. '\n')
  io.stdout:flush()
end

local function wait(what, condition)
  if not vim.wait(30000, condition, 10) then
    error('waited for ' .. what)
  end
end

-- The person: chooses a code action by its title and answers prompts in the order of the script.
local wanted_action, answers, prompts = nil, {}, {}
vim.ui.select = function(items, options, on_choice)
  local format = options.format_item or tostring
  local titles = vim.tbl_map(format, items)
  if options.kind == 'codeaction' then
    for number, title in ipairs(titles) do
      if title:find(wanted_action, 1, true) then
        return on_choice(items[number], number)
      end
    end
    error('no code action ' .. wanted_action .. ' among ' .. table.concat(titles, ', '))
  end
  local answer = table.remove(answers, 1)
  table.insert(prompts, { kind = options.kind, prompt = options.prompt, titles = titles, answer = answer })
  for number, title in ipairs(titles) do
    if title == answer then
      return on_choice(items[number], number)
    end
  end
  on_choice(nil, nil)
end

local messages = {}
local show = vim.lsp.handlers['window/showMessage']
vim.lsp.handlers['window/showMessage'] = function(err, params, ctx)
  table.insert(messages, params.message)
  return show and show(err, params, ctx)
end

local function told(pattern)
  wait('a message like ' .. pattern, function()
    for _, message in ipairs(messages) do
      if message:lower():find(pattern) then
        return true
      end
    end
    return false
  end)
end

local function replace(old, new)
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  for number, line in ipairs(lines) do
    local from, to = line:find(old, 1, true)
    if from then
      vim.api.nvim_buf_set_text(0, number - 1, from - 1, number - 1, to, { new })
      return
    end
  end
  error(old .. ' is not in the buffer')
end

local function run_action(title, answer)
  messages, prompts, answers = {}, {}, { answer }
  wanted_action = title
  vim.fn.search('(defun hello', 'w')
  vim.lsp.buf.code_action()
  wait('the prompt', function()
    return #prompts > 0
  end)
end

local function go_on(name)
  local file = vim.env.HOTLISP_TEST_FOLDER .. '/' .. name
  wait('the test to go on: ' .. name, function()
    return vim.uv.fs_stat(file) ~= nil
  end)
end

local function main()
  wait('the server', function()
    local client = vim.lsp.get_clients({ name = 'hotlisp', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  local client = vim.lsp.get_clients({ name = 'hotlisp' })[1]
  report('attached', { version = tostring(vim.version()), encoding = client.offset_encoding, root = client.root_dir })

  replace('"old ~A ~A"', '"denied ~A ~A"')
  run_action('Reload hello', 'Deny')
  told('denied')
  report('denied', { prompts = prompts })
  go_on('after-deny')

  run_action('Reload hello', 'dismissed: no such title')
  told('not approved')
  report('dismissed', { prompts = prompts })

  replace('"denied ~A ~A"', '"new ~A ~A"')
  run_action('Reload hello', 'Approve')
  told('hello')
  report('approved', { prompts = prompts, messages = messages })
  go_on('after-approve')

  replace('(incf *visits*)', '(let ((a 1 2)) a)')
  run_action('Reload hello', 'Approve')
  told('failed')
  local function errors()
    return vim.tbl_filter(function(diagnostic)
      return diagnostic.severity == vim.diagnostic.severity.ERROR
    end, vim.diagnostic.get(0))
  end
  wait('the diagnostic', function()
    return #errors() > 0
  end)
  local found = errors()[1]
  report('refused', {
    diagnostic = found.message,
    text = vim.api.nvim_buf_get_lines(0, found.lnum, found.lnum + 1, false)[1]:sub(found.col + 1),
  })
  for _, each in ipairs(vim.lsp.get_clients()) do
    each:stop()
  end
  wait('the server to end', function()
    return #vim.lsp.get_clients() == 0
  end)
end

local ok, failure = xpcall(main, debug.traceback)
if not ok then
  report('failed', { error = failure, messages = messages, prompts = prompts })
end
vim.cmd(ok and 'qall!' or 'cquit! 1')

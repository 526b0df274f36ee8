-- Neovim beside an Emacs on the same image; two-editors.test.ts has the whole of it.
local person = dofile(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2)) .. '/person.lua')

person.run(function()
  person.attached()
  person.report('attached')

  -- Asked before Emacs changes the same function, answered after.
  person.go_on('emacs-attached')
  person.replace('<h1>~A', '<h1>vim ~A')
  person.act('Reload page', '(defun page', { after = 'emacs-changed' }, 'Approve', 'Approve')
  person.report('asking', { prompts = person.prompts })
  local message = person.told('reload form: ')
  person.report('changed', { message = message, prompts = person.prompts })

  -- What Emacs has changed since shows where this buffer says something else.
  person.go_on('emacs-changed-hello')
  person.replace('<h1>vim ~A', '<h1>vi ~A')
  person.act('Reload page', '(defun page', 'Approve')
  person.told('reload form: ')
  local drift
  person.wait('the drift of hello', function()
    for _, each in ipairs(vim.diagnostic.get(0)) do
      if each.message:find('text of hello', 1, true) then
        drift = each
      end
    end
    return drift ~= nil
  end)
  local line = vim.api.nvim_buf_get_lines(0, drift.lnum, drift.lnum + 1, false)[1]
  person.report('drifted', { message = drift.message, text = line:sub(drift.col + 1) })
  person.go_on('end')
  person.leave()
end)

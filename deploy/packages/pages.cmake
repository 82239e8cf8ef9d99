# At the time of installing: what people read, of the package `part`, from the folder `top`.
set(root /usr/share)
set(package lockkeeper)
if(NOT part STREQUAL server)
  set(package lockkeeper-${part})
endif()

# file(INSTALL) goes into DESTDIR by itself.
function(compress from to)
  set(to "$ENV{DESTDIR}${to}")
  cmake_path(GET to PARENT_PATH folder)
  file(MAKE_DIRECTORY "${folder}")
  execute_process(COMMAND gzip -9nc "${from}" OUTPUT_FILE "${to}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

compress("${top}/deploy/packages/debian/changelog" "${root}/doc/${package}/changelog.Debian.gz")
file(INSTALL "${top}/deploy/packages/debian/copyright" DESTINATION "${root}/doc/${package}")

# Not called `server`: the rules after this one compare the part's name with "server", which would be taken for it.
set(pages_server lockkeeper.8)
set(pages_tools lockcli.1 lockctl.1 stormlock.1)
foreach(page ${pages_${part}})
  string(REGEX MATCH "[1-8]$" section "${page}")
  compress("${top}/deploy/man/${page}" "${root}/man/man${section}/${page}.gz")
endforeach()

if(part STREQUAL tools)
  file(GLOB files "${top}/deploy/completion/*")
  foreach(file ${files})
    cmake_path(GET file FILENAME name)
    if(name MATCHES "^(.*)\\.bash$")
      file(INSTALL "${file}" DESTINATION "${root}/bash-completion/completions" RENAME "${CMAKE_MATCH_1}")
    elseif(name MATCHES "\\.fish$")
      file(INSTALL "${file}" DESTINATION "${root}/fish/vendor_completions.d")
    elseif(name MATCHES "^(.*)\\.zsh$")
      file(INSTALL "${file}" DESTINATION "${root}/zsh/vendor-completions" RENAME "_${CMAKE_MATCH_1}")
    endif()
  endforeach()
endif()

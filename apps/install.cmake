# What `cmake --install` copies: the binary, and the manual pages and completion scripts that it
# prints of itself.
include(GNUInstallDirs)

install(TARGETS accllm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

if(CMAKE_CROSSCOMPILING)
  message(NOTICE "cross build: manual pages and completions are not made; `accllm help` prints them")
  return()
endif()

# accllm_printed_file(DESTINATION NAME ARGUMENT...): a file that `accllm help ARGUMENT...` prints.
function(accllm_printed_file destination name)
  set(file ${PROJECT_BINARY_DIR}/share/${name})
  add_custom_command(
    OUTPUT ${file}
    COMMAND accllm help ${ARGN} > ${file}
    DEPENDS accllm
    VERBATIM)
  install(FILES ${file} DESTINATION ${destination})
  set_property(GLOBAL APPEND PROPERTY accllm_printed_files ${file})
endfunction()

file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share)
accllm_printed_file(${CMAKE_INSTALL_MANDIR}/man1 accllm.1 --man)
file(GLOB sources RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS verb_*.cc)
foreach(source ${sources})
  string(REGEX REPLACE "verb_(.*)\\.cc" "\\1" verb ${source})
  accllm_printed_file(${CMAKE_INSTALL_MANDIR}/man1 accllm-${verb}.1 --man ${verb})
endforeach()
accllm_printed_file(${CMAKE_INSTALL_DATADIR}/bash-completion/completions accllm --completion bash)
accllm_printed_file(${CMAKE_INSTALL_DATADIR}/zsh/site-functions _accllm --completion zsh)
accllm_printed_file(${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d accllm.fish --completion fish)

get_property(files GLOBAL PROPERTY accllm_printed_files)
add_custom_target(accllm_printed ALL DEPENDS ${files})

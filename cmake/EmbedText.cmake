# embed_text(FUNCTION HEADER FILE): a source file in the build tree that defines FUNCTION, which HEADER
# declares in paymentd::http to give a std::string_view, as the text of FILE. Its path is added to
# EMBEDDED_SOURCES.
function(embed_text function header file)
  get_filename_component(path ${file} ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} text)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [=[
#include "@header@"

std::string_view paymentd::http::@function@() noexcept {
  return R"~~~(@text@)~~~";
}
]=])
  set(EMBEDDED_SOURCES ${EMBEDDED_SOURCES} ${source} PARENT_SCOPE)
endfunction()

# Stands for Vivado: runs a script whose vendor commands do nothing but write themselves down.
#
#     tclsh vivado.tcl LOG SCRIPT ARGUMENT...
#
# LOG gets a line a call, its words separated by 0x1f. Handles are names such as "register/memory_0"; what is asked
# for is there only if it was made before or is an interface.
set vendor_log [open [lindex $argv 0] w]
set made [dict create]

proc option {call name} {
  set at [lsearch -exact $call $name]
  return [expr {$at < 0 ? "" : [lindex $call $at+1]}]
}

proc unknown {command args} {
  puts $::vendor_log [string map {\n " "} [join [list $command {*}$args] \x1f]]
  set args [lsearch -all -inline -not -exact $args -quiet]
  switch -glob $command {
    ipx::current_core { return core }
    ipx::get_bus_interfaces { return interface/[lindex $args 0] }
    ipx::get_* { return [expr {[dict exists $::made [lindex $args 0]] ? [lindex $args 0] : ""}] }
    ipx::add_register_parameter - ipx::add_bus_parameter - ipx::add_field {
      return [lindex $args 1]/[lindex $args 0]
    }
    ipx::add_register { return register/[lindex $args 0] }
    ipx::add_* {
      dict set ::made [lindex $args 0] 1
      return [lindex $args 0]
    }
    package_xo { close [open [option $args -xo_path] w] }
    current_fileset - set_property - create_project - add_files - update_compile_order -
    close_project - ipx::* {}
    default { error "vivado knows no command $command" }
  }
  return ""
}

set script [lindex $argv 1]
set argv [lrange $argv 2 end]
set argc [llength $argv]
if {![info complete [read [set file [open $script]]]]} { error "$script: a brace or quote is missing" }
close $file
source $script
close $vendor_log

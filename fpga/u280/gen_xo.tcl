# Makes the object file that v++ links:
#
#     vivado -mode batch -source gen_xo.tcl -tclargs KIT XO [PROTOCOL]
#
# KIT: folder that tools/rtl/card_kit.py wrote. PROTOCOL: ap_ctrl_hs, which the kernel's registers follow, or
# user_managed, which leaves them to the host alone.
if {$argc < 2 || $argc > 3} { error "usage: gen_xo.tcl KIT XO \[PROTOCOL\]" }
lassign $argv kit xo protocol
if {$protocol eq ""} { set protocol ap_ctrl_hs }
source [file join [file dirname [file normalize [info script]]] package_kernel.tcl]
set ip [package_kernel $kit $protocol]
package_xo -force -xo_path $xo -kernel_name $accllm_kernel -ip_directory $ip -ctrl_protocol $protocol \
  -output_kernel_xml [file join $kit kernel.xml]

// Simulation model of UltraScale+'s LUT with two outputs: O5 is a function of five inputs, in the lower
// half of INIT.
module LUT6_2 #(
  parameter logic [63:0] INIT = 64'd0
) (
  input  logic I0, I1, I2, I3, I4, I5,
  output logic O5, O6
);
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

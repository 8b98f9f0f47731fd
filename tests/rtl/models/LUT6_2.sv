// Simulation model of UltraScale+'s LUT with two outputs: O5 is a function of five inputs, in the lower
// half of INIT. An output is made of what it depends on alone: the other one may follow from it.
module LUT6_2 #(
  parameter logic [63:0] INIT = 64'd0
) (
  input  logic I0, I1, I2, I3, I4, I5,
  output logic O5, O6
);
  // Inputs that a function of five depends on.
  function automatic logic [4:0] used(logic [31:0] values);
    used = '0;
    for (int unsigned row = 0; row < 32; row++) begin
      for (int unsigned place = 0; place < 5; place++) begin
        if (values[row] != values[row ^ (1 << place)]) used[place] = 1'b1;
      end
    end
  endfunction
  localparam logic [4:0] Used5 = used(INIT[31:0]);
  localparam logic [4:0] Used6 = Used5 | used(INIT[63:32]);

  logic [31:0] values;
  assign values = I5 ? INIT[63:32] : INIT[31:0];
  assign O5 = INIT[{1'b0, I4 & Used5[4], I3 & Used5[3], I2 & Used5[2], I1 & Used5[1], I0 & Used5[0]}];
  assign O6 = values[{I4 & Used6[4], I3 & Used6[3], I2 & Used6[2], I1 & Used6[1], I0 & Used6[0]}];
endmodule

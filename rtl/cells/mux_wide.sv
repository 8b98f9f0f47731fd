// One of eight or sixteen words. A LUT chooses between four bits, and the multiplexers beside LUTs
// between those: a quarter of a LUT for each bit that comes in.
module mux_wide #(
  parameter int unsigned Width  = 32,
  parameter int unsigned Inputs = 8,  // 8 or 16
  localparam int unsigned SelectW = $clog2(Inputs)
) (
  input  logic [Inputs*Width-1:0] data_i,    // [word]
  input  logic [SelectW-1:0]      select_i,
  output logic [Width-1:0]        data_o
);
  if (Inputs != 8 && Inputs != 16) begin : gen_check_inputs
    $error("Inputs must be 8 or 16");
  end

`ifdef ACCLLM_PRIMITIVES
  for (genvar b = 0; b < Width; b++) begin : gen_bit
    logic [Inputs/4-1:0] four, unused;
    logic [Inputs/8-1:0] eight;
    for (genvar i = 0; i < Inputs / 4; i++) begin : gen_four
      LUT6_2 #(.INIT(64'hFF00_F0F0_CCCC_AAAA)) u_lut (
        .I0(data_i[Width*(4*i)+b]), .I1(data_i[Width*(4*i+1)+b]), .I2(data_i[Width*(4*i+2)+b]),
        .I3(data_i[Width*(4*i+3)+b]), .I4(select_i[0]), .I5(select_i[1]), .O5(unused[i]),
        .O6(four[i])
      );
    end
    for (genvar i = 0; i < Inputs / 8; i++) begin : gen_eight
      MUXF7 u_mux (.I0(four[2*i]), .I1(four[2*i+1]), .S(select_i[2]), .O(eight[i]));
    end
    if (Inputs == 8) begin : gen_done
      assign data_o[b] = eight[0];
    end else begin : gen_sixteen
      MUXF8 u_mux (.I0(eight[0]), .I1(eight[1]), .S(select_i[3]), .O(data_o[b]));
    end
  end
`else
  assign data_o = data_i[Width*select_i +: Width];
`endif
endmodule
